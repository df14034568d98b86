# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A mass scan in a minute
#
# How small a coupling $g_{a\gamma\gamma}$ of an axion-like particle (ALP) could
# Belle II exclude with $e^+e^- \to \gamma a$, $a \to \gamma\gamma$? This notebook runs
# a small scan of the ALP mass, draws the limit and the efficiency, and compares the
# limit with the one published in 2017. It ends with a look at single events.
#
# All physics lives in the packages; what stands here is what the command line does:
#
# ```
# alpenglow scan --preset belle2-2017 --out results
# alpenglow figures results
# ```
#
# A toy study, not a Belle II result.

# %%
from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path

import awkward as ak
import hist
import numpy as np
from IPython.display import Image

from generator.processes import sampler, stream
from generator.sampling import blocks
from generator.tables import read_table
from study import load
from study.figures import efficiency_figure, limits_figure, limits_vs_published, save
from study.figures.published import comparisons
from study.sample import phase_space
from study.scan import run_scan

# %% [markdown]
# ## 1. Choose a study
#
# A preset is a TOML file with every number that a result depends on: beams, detector,
# cuts, sample sizes, masses, luminosities, confidence levels. This one repeats
# [arXiv:1709.00009](https://arxiv.org/abs/1709.00009). Print it whole with
# `print(load.preset_text(PRESET))`.
#
# Any value can be set to something else, here fewer masses and events so that the scan
# takes seconds. A wrong key or value is refused with one line that says what is allowed.

# %%
PRESET = "belle2-2017"

settings = load.override(
    load.read_toml(load.preset_text(PRESET), PRESET),
    [
        "scan.n_masses=16",
        "scan.mass_min_GeV=0.15",
        "scan.mass_max_GeV=9.5",
        "events.signal=20_000",
        "events.lifetime=10_000",
        "events.background=2_000_000",
        "events.light_pairs=200_000",
    ],
)
study = load.parse(settings, "this notebook")
print(study.title, "at", len(study.scan.masses()), "masses")
print("merged when closer than", study.detector.merge_crystals, "crystals")
print("luminosities [1/fb]:", study.limits.luminosities_invfb)

# %% [markdown]
# ## 2. Run it
#
# The results go to a folder, each finished piece as soon as it is ready: a scan that was
# interrupted goes on where it stopped. `jobs` is the number of processes; the results are
# the same, bit for bit, for any number of them. Name a folder of your own to keep it.

# %%
scratch = tempfile.TemporaryDirectory()
folder = Path(scratch.name) / "results"
run_scan(study, folder, jobs=1)
print(*sorted(path.name for path in folder.iterdir()), sep="\n")

# %% [markdown]
# ## 3. The limits
#
# `limits.csv` has a row per mass, selection, luminosity, confidence level and method.
# `best` marks the selection with the better limit, `limited_by` says what sets it. A
# limit of `inf` means that there is no sensitivity.

# %%
limits = read_table(folder / "limits.csv")
CL, METHOD, LUMINOSITY_INVFB = 0.90, "clsb-exact", 50_000.0

chosen = limits[
    (limits["cl"] == CL)
    & (limits["method"] == METHOD)
    & (limits["luminosity_invfb"] == LUMINOSITY_INVFB)
    & (limits["best"] == 1)
]
print(f"{'mass [GeV]':>10}  {'g [1/GeV]':>9}  {'MC error':>8}  selection  limited by")
for row in chosen:
    median = row["g_per_GeV_median"]
    share = row["g_per_GeV_median_mc_error"] / median
    print(
        f"{row['mass_GeV']:10.3g}  {median:9.2e}  {share:8.1%}  "
        f"{row['selection']:>9}  {row['limited_by']}"
    )

# %% [markdown]
# The same numbers, over what is excluded already. Figures are saved as PNG and PDF.

# %%
figures = folder / "figures"


def show(figure, name):
    """Save a figure and show its PNG."""
    png, _ = save(figure, figures, name)
    return Image(filename=str(png), width=720)


show(limits_figure(limits, cl=CL, method=METHOD), "limits")

# %% [markdown]
# ## 4. The efficiency
#
# Two photons of a light ALP hit the calorimeter so close together that they make one
# cluster. How close is too close is a matter of reconstruction, so the scan carries
# several separations along; the limits above use the one of the preset.

# %%
efficiency = read_table(folder / "efficiency.csv")
show(efficiency_figure(efficiency, rule=study.detector.merge_rule.value), "efficiency")

# %% [markdown]
# ## 5. Against the published curve
#
# Lower is better. The errors of the ratio are those of this small simulation; the
# published curve was digitised, and its errors are not known.

# %%
show(limits_vs_published(limits, cl=CL, method=METHOD), "limits_vs_published")

# %%
for pair in comparisons(limits, cl=CL, method=METHOD):
    plateau = (pair.ours.mass_GeV > 0.25) & (pair.ours.mass_GeV < 7.0)
    ratio = pair.ratio[plateau]
    print(
        f"{pair.ours.luminosity_invfb:>8g}/fb, 0.25 to 7 GeV: "
        f"ours / published {np.nanmin(ratio):.2f} to {np.nanmax(ratio):.2f}"
    )

# %% [markdown]
# ## 6. A look at events
#
# Between the stages events travel as plain columns. `as_awkward()` shows the same columns
# as an awkward array of four-vectors, here for the true photons of a 0.5 GeV ALP and for
# the clusters that the detector makes of them.

# %%
MASS_GEV = 0.5

beams, detector = study.beams.build(), study.build_detector()
source = sampler(
    "signal",
    beams=beams,
    phase_space=phase_space(study),
    mass_GeV=MASS_GEV,
    coupling_per_GeV=1e-3,
)
pair_masses = hist.Hist(
    hist.axis.StrCategory(["true", "reconstructed"], name="level"),
    hist.axis.Regular(60, 0.4, 0.6, name="mass", label=r"$m_{\gamma\gamma}$ [GeV]"),
)
events = stream("signal", study.seed, MASS_GEV)
for photons, random in islice(blocks(source, events, 100_000), 40):
    for level, block in (
        ("true", photons),
        ("reconstructed", detector.simulate(photons, random)),
    ):
        vectors = block.as_awkward()
        first, second = ak.unzip(ak.combinations(vectors, 2))
        pair_masses.fill(level=level, mass=ak.ravel((first + second).mass))

vectors[0].to_list()

# %% [markdown]
# These are the clusters of one event. The histogram holds all pairs, so those with the
# photon that recoils against the ALP as well: nearly all of them are heavier than what
# is shown here.

# %%
reconstructed = pair_masses["reconstructed", :]
centres, counts = reconstructed.axes[0].centers, reconstructed.values()
peak = centres[counts.argmax()]
print(f"most pairs at {peak:.3f} GeV, true mass {MASS_GEV} GeV")
reconstructed

# %%
scratch.cleanup()
