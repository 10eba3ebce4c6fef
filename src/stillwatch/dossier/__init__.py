"""A dossier on one campaign, for counsel: what is claimed, how sure it is, and how to check it, in a folder.

(`stillwatch.campaigns.dossier` is another thing: there a scan makes its report of a case.)
"""
