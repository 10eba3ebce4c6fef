"""What people read and decide: a web application on this machine, for those whom an administrator let in.

Needs Starlette, uvicorn, argon2-cffi and joserfc (the extra `stillwatch[console]`).
"""
