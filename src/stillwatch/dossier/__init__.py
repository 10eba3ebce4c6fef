"""A dossier on one campaign, for counsel: a folder and a paper with what is claimed, how sure it is, and how to check it.

(`stillwatch.campaigns.dossier` is another thing: there a scan makes its report of a case.)
"""
