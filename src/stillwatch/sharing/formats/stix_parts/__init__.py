"""The parts of the STIX 2.1 format: what is fixed, the extension, writing, patterns, reading."""
