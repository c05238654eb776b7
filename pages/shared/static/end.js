// Brings the end of the conversation into view when another message has become the newest.
export default function ({ data, parentElement }) {
  const place = parentElement.host ?? parentElement;
  if (window.pilotlightNewest === data.message) return;
  window.pilotlightNewest = data.message;
  for (const wait of [0, 150, 500]) setTimeout(() => place.scrollIntoView({ block: "end" }), wait);
}
