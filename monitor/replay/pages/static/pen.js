// Drawing on a canvas in CSS pixels, with the colours and letters of the page.

import { clamp } from "./axis.js";

export const FONT = '12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';

/** A pen for the canvas in CSS pixels, the canvas cleared and as sharp as the screen; null while it is not shown. */
export function sized(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (width === 0 || height === 0) return null;
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.size = { width, height };
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  return pen;
}

/** A colour of the style sheet, as it is now: light or dark. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Write texts beside an axis on its right edge: a list of [text, y]. */
export function label(pen, marks) {
  const { width, height } = pen.canvas.size;
  pen.fillStyle = colour("--soft");
  pen.font = FONT;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const [text, y] of marks) {
    pen.fillRect(width - 7, y, 4, 1);
    pen.fillText(text, width - 10, clamp(y, 7, height - 6));
  }
}

/** Write a text into the middle. */
export function caption(pen, text) {
  const { width, height } = pen.canvas.size;
  pen.fillStyle = colour("--soft");
  pen.font = FONT;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, width / 2, height / 2);
}
