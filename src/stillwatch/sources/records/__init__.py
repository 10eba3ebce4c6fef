"""Loose values of one record become typed columns of THE record, or a reason why not."""
