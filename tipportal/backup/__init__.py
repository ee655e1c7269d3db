"""Backups of database and sealed files, encrypted to a key that is on no server (docs/installation.md, "Backups").

    FOLDER/parts/ID       a stream of sealed chunks (sealed_parts.py): a dump, an index, or a pack of sources' files
    FOLDER/sets/NAME      a signed manifest (manifests.py): the parts of one backup. Written last: without it there is no backup
    FOLDER/ledger         marks of erased and restricted rows (ledger.py), which are replayed over whatever is restored
    FOLDER/lock

Files never change once a row names them, so a later backup refers to the packs of earlier ones.
"""
