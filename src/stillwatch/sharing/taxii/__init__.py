"""TAXII 2.1 (OASIS Standard, 10 June 2021): a server of STIX objects, and a client for anybody's.

Server: `configuration` and `users` (what is offered to whom), `filters`, `content`, `store`, `negotiation` → `server`
→ `serving`. Client: `login`, `wire` (HTTP with distrust) → `peer` (discovery, pages, adding) → `pushing`, and `mirror`
→ `pulling`. docs/sharing-taxii.md goes through the standard statement by statement.
"""
