"""The checklist of the first days: what an agency has to do before residents use the portal."""
