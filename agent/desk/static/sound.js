// The sound of a new alert. Browsers let a page sound only after somebody touched it; the button says how it is.

let context;
let wanted = localStorage.getItem("sound") !== "off";

export function touched() {
  if (!wanted) return;
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
}

export function state() {
  if (!wanted) return "off";
  return context?.state === "running" ? "on" : "blocked";
}

export function toggle() {
  wanted = state() === "blocked" ? true : !wanted;
  localStorage.setItem("sound", wanted ? "on" : "off");
  touched();
  if (wanted) chime("again");
}

const NOTES = { new: [880, 660, 880, 660, 880], again: [660, 880] };

export function chime(what) {
  if (!wanted || context?.state !== "running") return;
  NOTES[what].forEach((pitch, n) => {
    const at = context.currentTime + n * 0.18;
    const tone = context.createOscillator();
    const level = context.createGain();
    tone.frequency.value = pitch;
    tone.type = "triangle";
    level.gain.setValueAtTime(0.0001, at);
    level.gain.exponentialRampToValueAtTime(0.3, at + 0.02);
    level.gain.exponentialRampToValueAtTime(0.0001, at + 0.17);
    tone.connect(level).connect(context.destination);
    tone.start(at);
    tone.stop(at + 0.18);
  });
}
