// Draws sentences with numbered citations. Every word goes in as text, so a document cannot bring markup into the page.
const ADDRESS = /(https?:\/\/[^\s<>"'）)】」，。；]+)/;

function words(text) {
  const piece = document.createDocumentFragment();
  for (const part of text.split(ADDRESS)) {
    if (ADDRESS.test(part)) {
      const link = document.createElement("a");
      link.href = part;
      link.target = "_blank";
      link.rel = "noopener noreferrer";
      link.textContent = part;
      piece.append(link);
    } else {
      piece.append(part);
    }
  }
  return piece;
}

export default function ({ data, parentElement, setTriggerValue }) {
  let root = parentElement.querySelector(".answer");
  if (!root) {
    root = document.createElement("div");
    root.className = "answer";
    parentElement.append(root);
  }
  const piece = document.createDocumentFragment();
  for (const part of data.parts) {
    piece.append(part.gap);
    const span = document.createElement("span");
    span.append(words(part.text));
    if (part.unsupported && data.titles.length > 0) {
      span.className = "unsupported";
      span.title = data.words.unsupported;
    }
    piece.append(span);
    for (const number of part.citations) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "cite";
      button.textContent = String(number + 1);
      button.title = data.titles[number] ?? "";
      button.setAttribute("aria-label", `${data.words.open} ${number + 1}: ${data.titles[number] ?? ""}`);
      button.onclick = () => setTriggerValue("cite", number);
      piece.append(button);
    }
  }
  root.replaceChildren(piece);
}
