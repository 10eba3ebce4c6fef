"""Document formats that carry bulletins, one file each."""
