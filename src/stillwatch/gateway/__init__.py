"""The gateway: what a scan has learnt acts within milliseconds, by degrees, reversibly."""
