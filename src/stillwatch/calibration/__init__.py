"""Error rates: arrays in, p-values, e-values, false discovery rates and intervals out. Imports nothing of ours."""

from stillwatch.calibration.betting import Wealth, bounded_log_factors, geometric_stakes
from stillwatch.calibration.bounded_means import Scores, counted, score_interval, score_p_value
from stillwatch.calibration.choices import choice_draws, choice_log_e, choice_p_value
from stillwatch.calibration.conformal import conformal_p_values
from stillwatch.calibration.e_values import average_e, e_bh, likelihood_ratio_e, p_to_e, product_e
from stillwatch.calibration.exact_sums import Tail, coin_sum, exponential_sum, weighted_coin_sum
from stillwatch.calibration.false_discovery import (
    Discoveries,
    benjamini_hochberg,
    benjamini_yekutieli,
    expected_false,
    posterior_q_values,
    select_at_fdr,
)
from stillwatch.calibration.fixed_width import half_width, narrow_enough, units_needed
from stillwatch.calibration.intervals import (
    Interval,
    bounded_mean,
    clopper_pearson,
    cluster_bootstrap_interval,
    rate_sequence,
    sum_interval,
    wilson,
)
from stillwatch.calibration.judged import (
    JudgeRates,
    Powered,
    corrected_difference,
    corrected_mean,
    judge_rates,
    p_value_by_inversion,
    prediction_powered,
)
from stillwatch.calibration.log_odds import (
    Calibrated,
    LogOddsCalibrator,
    ReliabilityRow,
    brier_score,
    calibrate_log_odds,
    expected_calibration_error,
    reliability_table,
    shift_prior,
)
from stillwatch.calibration.multiplicity import holm, simultaneous_level
from stillwatch.calibration.paired import distance_from_zero, sign_flip_p_value, sign_flip_upper_p_value
from stillwatch.calibration.permutation import group_permutation_test, permutation_p_value, size_classes

__all__ = [
    "Calibrated",
    "Discoveries",
    "Interval",
    "JudgeRates",
    "LogOddsCalibrator",
    "Powered",
    "ReliabilityRow",
    "Scores",
    "Tail",
    "Wealth",
    "average_e",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "bounded_log_factors",
    "bounded_mean",
    "brier_score",
    "calibrate_log_odds",
    "choice_draws",
    "choice_log_e",
    "choice_p_value",
    "clopper_pearson",
    "cluster_bootstrap_interval",
    "coin_sum",
    "conformal_p_values",
    "corrected_difference",
    "corrected_mean",
    "counted",
    "distance_from_zero",
    "e_bh",
    "expected_calibration_error",
    "expected_false",
    "exponential_sum",
    "geometric_stakes",
    "group_permutation_test",
    "half_width",
    "holm",
    "judge_rates",
    "likelihood_ratio_e",
    "narrow_enough",
    "p_to_e",
    "p_value_by_inversion",
    "permutation_p_value",
    "posterior_q_values",
    "prediction_powered",
    "product_e",
    "rate_sequence",
    "reliability_table",
    "score_interval",
    "score_p_value",
    "select_at_fdr",
    "shift_prior",
    "sign_flip_p_value",
    "sign_flip_upper_p_value",
    "simultaneous_level",
    "size_classes",
    "sum_interval",
    "units_needed",
    "weighted_coin_sum",
    "wilson",
]
