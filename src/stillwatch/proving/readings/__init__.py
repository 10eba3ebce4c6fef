"""A suspect that lies in a folder, read: along marked texts, and for the probability of each candidate answer.

``base`` (a model that can be read) → ``tokens`` (are they ours?), ``along`` (where marked texts are read) →
``planning`` (what is read, and of which files) → ``sealed`` (what is kept of it, and checked) → ``reading`` (the work,
gone on with after a break) and ``read`` (what tests are given, from the sealed file alone).
"""
