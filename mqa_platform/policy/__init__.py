"""The policy: everything RevOps decides, as a versioned folder of YAML.

Belongs here: its shape (``models``, ``sources``), the packaged default (``default/``), reading it
(``loader``) and saying what is wrong with it (``diagnostics``). Does not belong here: what a
setting does to the numbers, which is ``core``. Nothing is imported here, so that ``core`` can use
the models without pulling in the reading of files.
"""
