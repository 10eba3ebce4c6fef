"""A model server whose behaviour is known because it was planted: what an audit is measured with.

``behaviour`` (a TOML file) says how often each model answers in which way, ``draws`` decides every answer from a seed,
``answering`` words it, ``judging`` plays a judge that errs at stated rates, ``failing`` plants failures, and ``server``
speaks the chat API of OpenAI over a real socket. It is for tests and benchmarks and needs starlette and uvicorn.
"""
