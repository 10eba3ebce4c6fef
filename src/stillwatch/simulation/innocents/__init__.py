"""The honest customers of the simulated API, kind by kind; many look like a pool of proxy accounts and are none."""
