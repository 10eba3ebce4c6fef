// Tells whoever has the page open what colleagues decide meanwhile. The page works without it: then the form tells.
"use strict";
(() => {
  const news = document.getElementById("news");
  if (!news) return;
  const address = `${news.dataset.news}?version=${encodeURIComponent(news.dataset.version)}`;
  let shown = "";
  async function look() {
    if (document.hidden) return;
    const answer = await fetch(address, { credentials: "same-origin" });
    if (!answer.ok) return;
    const lines = await answer.json();
    const text = JSON.stringify(lines);
    if (!lines.length || text === shown) return;
    shown = text;
    const list = document.createElement("ul");
    for (const line of lines) {
      const item = document.createElement("li");
      item.textContent = `${line.what}, by ${line.by} at ${line.at}`;
      list.append(item);
    }
    const said = document.createElement("p");
    said.textContent = "Changed since you opened this page: ";
    const again = document.createElement("a");
    again.href = location.href;
    again.textContent = "look again";
    said.append(again);
    news.className = "wrong";
    news.replaceChildren(said, list);
  }
  setInterval(() => look().catch(() => {}), 10000);
})();
