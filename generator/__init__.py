"""What nature does: beams, couplings, matrix elements and samplers of true photons."""
