"""Tips that an officer writes for a caller or a visitor at the counter, in the residents' form.

The public side takes such a tip as any other, and shows its receipt for the officer to read out. Nothing says which officer, session
or form a tip is from: the staff side signs a mark that opens one form (marks.py), the public side puts the route into the form's
token, and the tip has it sealed. The words that were read out are replaced when the caller first uses them
(tips/source/receipt_change.py).
"""

from __future__ import annotations
