"""Small language models trained here from nothing, to see what the proofs of a copy see in real students.

``python -m bench.students`` (needs ``make suspects``: torch); `__main__` says what is made and measured.
"""
