// Brings the end of the conversation into view when another message has become the newest.
export default function ({ data }) {
  if (window.pilotlightNewest === data.message) return;
  window.pilotlightNewest = data.message;
  const main = document.querySelector('[data-testid="stMain"]');
  // Answers grow after they are mounted: the end is looked for again for a moment.
  for (const wait of [0, 150, 400, 900]) setTimeout(() => main?.scrollTo({ top: main.scrollHeight }), wait);
}
