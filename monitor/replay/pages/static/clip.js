// What the JSON API says of a clip, in the page's own words: times in seconds from the start of the clip.

import { get, t } from "./talk.js";

// why pictures show less than they could
const NOTES = {
  no_maps: t("No error map of this recording was kept: the model's part of the pictures is blank."),
  partly_covered: t("Hatched: nothing of the model was kept there. It is kept of windows at or above the limit, and of an event's worst ones alone."),
  bundle_unknown: t("The model is no longer on this box: frequencies are not known."),
  other_bundle: t("Some windows were judged by another model; they are left out of the pictures."),
  lost_samples: t("The recording holds silence where samples never arrived."),
  speech_blurred: t("Somebody spoke here: noise with the same spectrum has taken the place of the words."),
  speech_withheld: t("Somebody spoke here: the recording is silent in that place."),
  band_limited: t("The recording does not hold all frequencies: this box stores only a part of them."),
};

const base = (clipId) => `/api/v1/clips/${encodeURIComponent(clipId)}`;

export async function loadAxes(clipId, signal) {
  const tree = await get(`${base(clipId)}/axes`, signal);
  const known = tree.profile.filter((value) => value !== null);
  return {
    durationS: tree.duration_s,
    sampleRateHz: tree.sample_rate_hz,
    secondsPerPx: tree.seconds_per_px,
    hasFrequencies: tree.row_edges_hz !== null,
    // without frequencies rows are only counted
    edgesHz: tree.row_edges_hz ?? Array.from({ length: tree.height_px + 1 }, (_, row) => row),
    windows: tree.windows.map((one) => ({ fromS: one.start_s, toS: one.end_s, value: one.value })),
    uncovered: tree.uncovered.map((one) => ({ fromS: one.start_s, toS: one.end_s })),
    profile: { values: tree.profile, stepS: tree.seconds_per_px, most: known.length > 0 ? Math.max(...known) : 0 },
    scales: tree.scales,
    notes: tree.notes.map((note) => NOTES[note] ?? note),
  };
}

export function pictureUrl(clipId, name) {
  return `${base(clipId)}/pictures/${name}.png`;
}

/** A clip's sound as the player takes it. */
export function trackFrom(clipId, axes) {
  return { urlOf: (band) => audioUrl(clipId, band), durationS: axes.durationS };
}

/** The last normal sound as the player takes it: a stretch of this clip or of another; null: there is none. */
export function referenceFrom(reference, clipId) {
  if (reference === null) return null;
  const { clip_id: id, start_s: fromS, end_s: toS } = reference;
  return { urlOf: (band) => audioUrl(id, band), fromS, toS, sameClip: id === clipId };
}

function audioUrl(clipId, band) {
  const address = `${base(clipId)}/audio`;
  if (band === null) return address;
  return `${address}?low_hz=${band.lowHz.toFixed(1)}&high_hz=${band.highHz.toFixed(1)}`;
}
