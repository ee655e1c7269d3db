"""Finds tips about the same event: the same words, place and day, or nearly the same text.

    alike = lookup.find_alike(officer, tips)     # AlikeTips by id of tip
    lookup.count_alike(officer, tips)            # how many, for the queue

Where the features of a text live was chosen against these attacks:
- A stolen database or backup. Features that can be compared, sealed or not, tell which tips are alike: a suspect whose own tip is
  among them would learn that others have told. So nothing is stored: the features are keyed digests (Python's own SipHash, its key
  random in each process) in the memory of the staff web process, which also has the agency's key and so can open every tip anyway.
- A dump of that memory. It has no word, but a number for each of a tip's longest-lived words; its key is in the same memory, so a
  guess can be tried against the last 90 days. A dump of the staff process has the agency's key as well (SECURITY.md).
- A colleague who must not see a tip. Two tips are compared by their own texts alone, not by how common a word is among all tips, so
  no hidden tip changes what is alike. What is found is looked up through `permissions.visible_tips`, in batches of one size, and
  only tips of the same unit and, if sensitive, of the same category are kept; walled tips have no like.
- A source who sends near-copies of real tips, so that an officer who clears spam drags those along: "alike" never chooses rows.
"""
