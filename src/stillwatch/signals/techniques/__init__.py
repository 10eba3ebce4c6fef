"""Which distillation technique a newly written text uses: a small classifier on what its passages mean."""
