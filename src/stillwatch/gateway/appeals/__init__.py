"""A person touched is heard: told in plain words, he can object; a person decides; that undoes, teaches and counts."""
