"""How much people differ from each other beside what ails them: what has been published, and what is drawn.

The first table is what a healthy simulated person has to show; `tests/training/simulation/test_spread.py` measures it
on people who were drawn. The constants below it are what makes them so. Nothing here depends on a laboratory value.
"""

from __future__ import annotations

from typing import NamedTuple

MASON = "Mason et al., J Electrocardiol 2007; 40: 228-234, 46,129 people at low risk, 2nd to 98th percentile"
GORODESKI = "Gorodeski et al., Am Heart J 2009; 158: 61-70, 18,964 people with a normal ECG, quartiles"
LIFELINES = "Tegegne et al., Eur J Prev Cardiol 2019; 27: 2191-2194, 10-second ECGs, median from 75 years on"
SURAWICZ = "Surawicz and Parikh, J Am Coll Cardiol 2002; 40: 1870-1876 (from memory)"
ERIKSSON = "Eriksson et al., Circulation 1998; 98: 2494-2500, men at 50 and at 80 years"
HAATAJA = "Haataja et al., Int J Cardiol 2013; 167: 1953-1960, R-R' pattern"
TIKKANEN = "Tikkanen et al., N Engl J Med 2009; 361: 2529-2537, mean age 44 (from memory)"
QURESHI = "Qureshi et al., Am J Cardiol 2014; 114: 59-64, NHANES III without cardiovascular disease, mean age 60"
WENGER = "Wenger and Kligfield, J Electrocardiol 1996; 29: 179-184"
RUDIGER = "Rudiger et al., Am J Emerg Med 2007; 25: 174-178: 0.4 % of outpatients, 4 % in intensive care"
RAUTAHARJU = "Rautaharju et al., J Electrocardiol 2013; 46: 707-716, angle between QRS and T peaks, healthy women"
KLIGFIELD = "Kligfield et al., Circulation 2007; 115: 1306-1324 (bandwidth; from memory)"


class Published(NamedTuple):
    """A published range of a measure in healthy people."""

    measure: str
    sex: str  # men, women or all
    low: float
    high: float
    share: float  # of people between the two, in the middle
    source: str


PUBLISHED = (
    Published("Heart rate, 1/min", "all", 48, 98, 0.96, MASON),
    Published("QRS axis, °", "all", -40, 91, 0.96, MASON),
    Published("QRS axis, °", "men", 3, 52, 0.50, GORODESKI),
    Published("QRS axis, °", "women", 8, 55, 0.50, GORODESKI),
    Published("PR interval, ms", "all", 113, 212, 0.96, MASON),
    Published("QRS duration, ms", "all", 69, 109, 0.96, MASON),
    Published("QRS duration, ms", "men", 88, 100, 0.50, GORODESKI),
    Published("QRS duration, ms", "women", 80, 92, 0.50, GORODESKI),
    Published("QTc (Fridericia), ms", "all", 359, 445, 0.96, MASON),
    Published("Sokolow-Lyon voltage, mV", "men", 1.8, 2.7, 0.50, GORODESKI),
    Published("Sokolow-Lyon voltage, mV", "women", 1.6, 2.4, 0.50, GORODESKI),
    Published("T wave in V5, mV", "men", 0.20, 0.43, 0.50, GORODESKI),
    Published("T wave in V5, mV", "women", 0.13, 0.30, 0.50, GORODESKI),
)

# The heart in the chest: rad, and per year and kg/m². The horizontal turn moves the transition zone by a lead or so.
TURN = (0.20, 0.30, 0.22)
"""Deviations of the turns around the axes to the left, to the feet (transition zone), to the back (frontal axis)."""
LEFTWARD, LEFTWARD_AGE, LEFTWARD_BMI = 0.22, 0.010, 0.015
"""Frontal turn to the left at 60 years and 27 kg/m²; its growth with age and habitus (slopes from memory)."""
T_FOLLOWS, T_TURN = 0.5, 0.18
"""How far the T wave follows the turn of QRS, and the deviation of its own turns: RAUTAHARJU, 33° ± 22°."""

# Natural logarithms
VOLTAGE, VOLTAGE_MALE, VOLTAGE_AGE, VOLTAGE_BMI = 0.25, 0.045, -0.004, -0.012
SEPTUM, BASE = 0.18, 0.20
WIDTH, WIDTH_MALE = 0.08, 0.045
T_SIZE, T_MALE, T_AGE = 0.12, 0.17, -0.006
"""T: a quarter higher in men, a tenth lower with each 20 years: Gambill et al., J Electrocardiol 1995; 28: 191-197."""
T_WIDTH = 0.03
P_SIZE, P_RATIO = 0.20, 0.12
"""Of the P wave, and of its two halves beside each other (coefficient of variation in II 0.3-0.4; from memory)."""

# Seconds
PR, PR_AGE = 0.023, 0.0003
QTC, QTC_MEN, QTC_WOMEN = 0.003, 0.396, 0.406
"""Beside calcium, which gives most of what QTc varies."""

# Millivolt
ST, ST_MEAN = 0.020, 0.015
"""Level to the left and down (from memory)."""
FRONT_MEN, FRONT_AGE, FRONT_WOMEN, FRONT = 0.220, -0.0018, 0.108, 0.055
"""mV in V2, of men of 20, its change with a year, of women, and the deviation: SURAWICZ, at the end of QRS."""

# Shares of people; odds are natural logarithms
EARLY_REPOLARISATION_MEN, EARLY_REPOLARISATION_WOMEN, EARLY_REPOLARISATION_AGE = -2.4, -3.4, -0.03
"""At 44 years, with a year: TIKKANEN, 5.8 %."""
BLOCK_AT_50, BLOCK_AGE, BLOCK_WOMEN, BLOCK_LEFT = -4.6, 0.10, -0.7, 0.33
"""Bundle branch block: ERIKSSON, 1 % to 17 %; a third are left; women half as often (HAATAJA)."""
INCOMPLETE = 0.039
"""HAATAJA."""
ATRIAL_ECTOPY, VENTRICULAR_ECTOPY, ECTOPY_AGE = -4.4, -4.2, 0.03
"""Of ECGs at 60 years: QURESHI, 1.2 % and 1.5 %."""

# From beat to beat
ARRHYTHMIA, ARRHYTHMIA_AGE, ARRHYTHMIA_DEVIATION = 0.018, -0.015, 0.6
"""Respiratory arrhythmia as a share of the interval at 50 years, its logarithm's change and deviation: LIFELINES."""
ARRHYTHMIA_OLDEST = (14.9, 16.1)
"""ms, median RMSSD of men and women from 75 years on: LIFELINES."""
SWING, SWAY = (0.01, 0.10), (0.01, 0.10)
"""Breathing: share of all amplitudes, and rad of the heart's turn in the frontal plane (from memory)."""

# Electrodes and cart
UPWARD, UPWARD_DEVIATION = (1.6, 1.6, 0.4, -1.2, -1.2, -1.2), 1.6
"""cm by which V1 … V6 sit too high: WENGER, half of V1 and V2 by over 1.6 cm, a third to half of V4-V6 too low."""
SIDEWARD = 1.0  # cm, deviation of each
ARMS_EXCHANGED = 0.01
"""RUDIGER."""
GAIN = 0.015
"""Deviation of one lead's gain; carts may be 5 % off: KLIGFIELD."""
UPPER_LIMITS, UPPER_SHARES = (150.0, 100.0, 40.0), (0.6, 0.2, 0.2)
"""Hz, and how many carts are set to them; the lower limit is 0.05 Hz: KLIGFIELD."""
COARSE, COARSE_STEP = 0.2, 2
"""Share of carts that resolve 10 µV in place of 5, and their step in ours."""
MAINS = (50.0, 60.0)  # Hz
