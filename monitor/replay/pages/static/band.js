// The band that is marked, by dragging along a frequency axis or by typing it; and hearing it alone.

import { hertz, say, t } from "./talk.js";

const LEAST_WIDTH_HZ = 20; // as in the API: narrower bands ring longer than what they let through

export class BandMark {
  /** `parts`: the buttons and fields `band`, `low` and `high`. */
  constructor(parts, lanes, player, signal) {
    this.parts = parts;
    this.lanes = lanes;
    this.player = player;
    this.options = { signal };
    this.isHeard = false;
    parts.band.addEventListener("click", () => this.hear(), this.options);
    this.bindFields(parts.low.closest(".group"));
    for (const lane of lanes.lanes) if (lane.isMap) this.bindAxis(lane);
    this.show();
  }

  /** What is typed is judged when both fields are left, or by Enter: between them it need not make sense. */
  bindFields(group) {
    group.addEventListener("focusout", (event) => {
      if (!group.contains(event.relatedTarget)) this.takeTyped();
    }, this.options);
    group.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.takeTyped();
    }, this.options);
  }

  takeTyped() {
    const { low, high } = this.parts;
    if (low.value === low.defaultValue && high.value === high.defaultValue) return;
    this.take({ lowHz: Number(low.value), highHz: Number(high.value) }, this.lanes.band);
  }

  /** Dragging along a frequency axis marks a band. */
  bindAxis({ axis }) {
    const hzAt = (event) => this.lanes.at(event, { face: axis, isMap: true }).hz;
    let [fromHz, before] = [null, null];
    axis.addEventListener("pointerdown", (event) => {
      axis.setPointerCapture(event.pointerId);
      [fromHz, before] = [hzAt(event), this.lanes.band];
    }, this.options);
    axis.addEventListener("pointermove", (event) => {
      if (fromHz === null) return;
      const toHz = hzAt(event);
      this.mark({ lowHz: Math.min(fromHz, toHz), highHz: Math.max(fromHz, toHz) });
    }, this.options);
    axis.addEventListener("pointerup", () => {
      if (fromHz !== null && this.lanes.band !== before) this.take(this.lanes.band, before);
      fromHz = null;
    }, this.options);
    axis.addEventListener("pointercancel", () => {
      if (fromHz !== null) this.mark(before);
      fromHz = null;
    }, this.options);
  }

  /** Mark a band, and hear it if the one before was heard; one that cannot be heard is told, and `before` stays. */
  take(band, before) {
    const reason = this.refusal(band);
    if (reason !== null) say(reason, { bad: true });
    this.mark(reason === null ? band : before);
    if (reason === null && this.isHeard) this.player.setBand(band);
  }

  /** Why this band cannot be heard alone; null: it can. */
  refusal({ lowHz, highHz }) {
    const mostHz = this.lanes.axes.sampleRateHz / 2;
    if (!(lowHz >= 0 && highHz - lowHz >= LEAST_WIDTH_HZ)) {
      return t("A band needs a lower and a higher frequency, {least} or more apart.", { least: hertz(LEAST_WIDTH_HZ) });
    }
    if (lowHz >= mostHz) return t("This recording holds nothing above {most}.", { most: hertz(mostHz) });
    return null;
  }

  mark(band) {
    this.lanes.band = band;
    this.lanes.draw();
    this.show();
  }

  hear() {
    if (!this.isHeard && this.lanes.band === null) {
      say(t("No band is marked: drag along a frequency axis, or type one."));
      return;
    }
    this.isHeard = !this.isHeard;
    this.player.setBand(this.isHeard ? this.lanes.band : null);
    this.parts.band.setAttribute("aria-pressed", String(this.isHeard));
  }

  show() {
    const { band } = this.lanes;
    const { low, high } = this.parts;
    // defaultValue keeps what was marked, to tell what was typed since
    low.value = low.defaultValue = band === null ? "" : Math.round(band.lowHz);
    high.value = high.defaultValue = band === null ? "" : Math.round(band.highHz);
    this.parts.band.title = band === null ? "" : `${hertz(band.lowHz)} – ${hertz(band.highHz)}`;
  }
}
