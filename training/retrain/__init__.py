"""From what technicians said of events to a new bundle, for `wheeltapper retrain`.

said -> dealt -> sound -> material -> taught -> judged

said        which events count as what, and where people disagree
dealing     which of them are learned from, and which are kept to judge by
stretches   where in an event's clips the anomaly is, and what of its sound serves
material    the folder that is learned from: recordings, labelled normal sound, anomalies, held-out events
teaching    the bundle: the recipe of `learn`, taught by the labels
judging     what it finds of the events that were kept from it, beside the live bundle, chance and level
"""
