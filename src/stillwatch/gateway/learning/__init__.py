"""From traffic that passed to claims: links to accused campaigns, and scans of the journal."""
