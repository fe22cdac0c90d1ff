"""Fine-tuning a cross-encoder on judgments: sources, mining, split, fit, calibration, comparison, folder."""
