"""Error rates: arrays in, p-values, e-values, false discovery rates and intervals out. Imports nothing of ours."""

from stillwatch.calibration.conformal import conformal_p_values
from stillwatch.calibration.e_values import average_e, e_bh, likelihood_ratio_e, p_to_e, product_e
from stillwatch.calibration.false_discovery import (
    Discoveries,
    benjamini_hochberg,
    benjamini_yekutieli,
    expected_false,
    posterior_q_values,
    select_at_fdr,
)
from stillwatch.calibration.intervals import (
    Interval,
    bounded_mean,
    clopper_pearson,
    cluster_bootstrap_interval,
    rate_sequence,
    sum_interval,
    wilson,
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
from stillwatch.calibration.permutation import group_permutation_test, permutation_p_value, size_classes

__all__ = [
    "Calibrated",
    "Discoveries",
    "Interval",
    "LogOddsCalibrator",
    "ReliabilityRow",
    "average_e",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "bounded_mean",
    "brier_score",
    "calibrate_log_odds",
    "clopper_pearson",
    "cluster_bootstrap_interval",
    "conformal_p_values",
    "e_bh",
    "expected_calibration_error",
    "expected_false",
    "group_permutation_test",
    "likelihood_ratio_e",
    "p_to_e",
    "permutation_p_value",
    "posterior_q_values",
    "product_e",
    "rate_sequence",
    "reliability_table",
    "select_at_fdr",
    "shift_prior",
    "size_classes",
    "sum_interval",
    "wilson",
]
