"""What the ECL makes of photons: crystals, merging, response, trigger."""
