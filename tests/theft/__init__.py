"""The theft test: search everything a thief could take from a running portal for what its sources left there."""
