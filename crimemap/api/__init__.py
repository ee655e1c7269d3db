"""The public JSON API, version 1 (docs/api.md): what the map tells, for programs of anyone on any site."""
