"""What people write, taken apart: small talk around a request, the wording it is filled into, requests asked again."""
