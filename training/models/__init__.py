"""The models, one readable file each. All of them reconstruct standardised log-mel."""
