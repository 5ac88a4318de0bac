"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const media = byId("media"), stage = document.querySelector(".stage"), panel = byId("transcript");
  const starts = data.sentences.map(([first]) => data.wordStarts[first]);
  const sentenceAt = (index) => byId("s" + index);
  const canMark = "highlights" in CSS;

  const clock = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds)), pad = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
  };
  /** The last index whose value is at most `wanted`; -1 when all are later. */
  const lastUpTo = (values, wanted, low = 0, high = values.length) => {
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] <= wanted) low = middle + 1; else high = middle;
    }
    return low - 1;
  };

  // ---- sound and picture
  const duration = () => (Number.isFinite(media.duration) ? media.duration : Number(byId("seek").max)) || 1;
  const play = () => media.play().catch(() => {});
  const toggle = () => (media.paused ? play() : media.pause());
  const seek = (seconds, andPlay = false) => {
    const end = Number.isFinite(media.duration) ? media.duration : seconds;
    media.currentTime = Math.min(Math.max(seconds, 0), end);
    following = true;
    show();
    if (andPlay) play();
  };
  for (const id of ["play", "big-play", "dock-play"]) byId(id).addEventListener("click", toggle);
  if (media.tagName === "VIDEO") media.addEventListener("click", toggle);
  byId("back").addEventListener("click", () => seek(media.currentTime - 10));
  byId("on").addEventListener("click", () => seek(media.currentTime + 10));
  byId("speed").addEventListener("change", (event) => { media.playbackRate = Number(event.target.value); });
  byId("seek").addEventListener("input", (event) => seek(Number(event.target.value)));
  const mute = () => { media.muted = !media.muted; };
  byId("mute").addEventListener("click", mute);
  media.addEventListener("volumechange", () => byId("mute").setAttribute("aria-pressed", media.muted));
  const fullScreen = () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (stage.requestFullscreen) stage.requestFullscreen();
    else if (media.webkitEnterFullscreen) media.webkitEnterFullscreen();
  };
  byId("full")?.addEventListener("click", fullScreen);

  const measure = () => {
    byId("seek").max = duration();
    byId("length").textContent = clock(duration());
    byId("ticks").replaceChildren(...data.chapters.slice(1).map(([start]) => {
      const tick = document.createElement("i");
      tick.style.left = `${start / 10 / duration()}%`;
      return tick;
    }));
  };
  const missing = () => { byId("missing").hidden = false; };
  media.addEventListener("error", missing);
  byId("pick").addEventListener("change", (event) => {
    const [file] = event.target.files;
    if (!file) return;
    byId("missing").hidden = true;
    media.src = URL.createObjectURL(file);
    play();
  });

  // ---- captions: a text track made from the data, drawn by us so that sound has captions too
  const track = media.addTextTrack("captions", "Captions", data.language);
  for (const [start, end, text] of data.cues) track.addCue(new VTTCue(start / 1000, end / 1000, text));
  track.mode = "hidden";
  let captionsOn = true;
  const drawCaptions = () => {
    byId("captions").replaceChildren(...(captionsOn ? [...(track.activeCues || [])] : []).map((cue) => {
      const line = document.createElement("span");
      line.textContent = cue.text;
      return line;
    }));
  };
  track.addEventListener("cuechange", drawCaptions);
  const captions = () => {
    captionsOn = !captionsOn;
    byId("cc").setAttribute("aria-pressed", captionsOn);
    drawCaptions();
  };
  byId("cc").addEventListener("click", captions);
  media.addEventListener("webkitbeginfullscreen", () => { track.mode = captionsOn ? "showing" : "disabled"; });
  media.addEventListener("webkitendfullscreen", () => { track.mode = "hidden"; });

  // ---- what is said now
  let current = -1, chapter = -1, following = true;
  const scrolls = () => panel.scrollHeight > panel.clientHeight + 8 && getComputedStyle(panel).overflowY === "auto";
  const bring = (element, smoothly = true) => {
    const behavior = smoothly ? "smooth" : "instant";
    if (!scrolls()) {
      // paragraphs get their true height only in view, so the first jump may land beside its aim
      const jump = () => element.scrollIntoView({ block: "center", behavior: "instant" });
      jump();
      requestAnimationFrame(jump);
      return;
    }
    const there = element.getBoundingClientRect(), here = panel.getBoundingClientRect();
    const top = panel.scrollTop + there.top - here.top - here.height * 0.38;
    panel.scrollTo({ top, behavior: Math.abs(top - panel.scrollTop) > 3000 ? "instant" : behavior });
  };
  const markWord = (now) => {
    if (!canMark) return;
    if (current < 0) return CSS.highlights.delete("word");
    const [first, end] = data.sentences[current], text = sentenceAt(current).firstChild;
    if (!text) return;
    const word = Math.max(first, lastUpTo(data.wordStarts, now, first, end)), range = new Range();
    range.setStart(text, data.wordOffsets[word]);
    range.setEnd(text, data.wordOffsets[word] + data.wordLengths[word]);
    CSS.highlights.set("word", new Highlight(range));
  };
  const markSentence = (index) => {
    if (index === current) return;
    if (current >= 0) sentenceAt(current).removeAttribute("aria-current");
    current = index;
    if (index < 0) return;
    sentenceAt(index).setAttribute("aria-current", "true");
    if (following && scrolls()) bring(sentenceAt(index));
    byId("follow").hidden = following || !scrolls();
  };
  const markChapter = (index) => {
    if (index === chapter) return;
    chapter = index;
    for (const link of document.querySelectorAll("[data-chapter]")) {
      if (Number(link.dataset.chapter) === index) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    const title = index < 0 ? "" : data.chapters[index][2];
    byId("current-chapter").textContent = title;
    if (title) byId("dock-what").textContent = title;
  };
  const show = () => {
    const seconds = media.currentTime, now = seconds * 1000 + 30;
    byId("now").textContent = byId("dock-now").textContent = clock(seconds);
    const slider = byId("seek");
    slider.value = seconds;
    slider.style.setProperty("--done", `${(100 * seconds) / duration()}%`);
    slider.setAttribute("aria-valuetext", `${clock(seconds)} of ${clock(duration())}`);
    markChapter(lastUpTo(data.chapters.map(([start]) => start), now));
    markSentence(seconds > 0 ? lastUpTo(starts, now) : -1);
    markWord(now);
  };
  const run = () => { show(); if (!media.paused && !media.ended) requestAnimationFrame(run); };
  const state = () => {
    document.body.classList.toggle("is-playing", !media.paused);
    if (!media.paused) document.body.classList.add("has-played");
    for (const id of ["play", "big-play", "dock-play"]) byId(id).setAttribute("aria-label", media.paused ? "Play" : "Pause");
    run();
  };
  for (const name of ["play", "pause", "ended"]) media.addEventListener(name, state);
  for (const name of ["timeupdate", "seeked"]) media.addEventListener(name, show);
  for (const name of ["wheel", "touchmove"]) panel.addEventListener(name, () => { following = false; byId("follow").hidden = !scrolls() || current < 0; }, { passive: true });
  const backToNow = () => { following = true; byId("follow").hidden = true; if (current >= 0) bring(sentenceAt(current)); else panel.scrollIntoView(); };
  byId("follow").addEventListener("click", backToNow);
  byId("dock-said").addEventListener("click", backToNow);

  // ---- everything that has a time leads there
  byId("words").addEventListener("click", (event) => {
    const sentence = event.target.closest(".s");
    if (!sentence || !getSelection().isCollapsed) return;
    seek(starts[Number(sentence.id.slice(1))] / 1000, true);
  });
  const timeIn = (hash) => {
    const found = /^#t=(\d+(?::\d+){0,2}(?:\.\d+)?)$/.exec(hash);
    return found ? found[1].split(":").reduce((sum, part) => sum * 60 + Number(part), 0) : null;
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#t="]');
    if (!link) return;
    event.preventDefault();
    history.replaceState(null, "", link.hash);
    seek(timeIn(link.hash), true);
  });
  const goToAddress = () => { const time = timeIn(location.hash); if (time !== null) seek(time); };
  addEventListener("hashchange", goToAddress);

  // ---- search
  /** Lower case without accents, one character for one, so that places stay the same. */
  const fold = (text) => Array.from({ length: text.length }, (_, i) => text[i].normalize("NFD")[0].toLowerCase()[0]).join("");
  let folded = null, matches = [], match = -1;
  const rangeOf = ([index, offset, length]) => {
    const range = new Range(), text = sentenceAt(index).firstChild;
    range.setStart(text, offset);
    range.setEnd(text, offset + length);
    return range;
  };
  const find = (text) => {
    const wanted = fold(text.trim());
    for (const [index] of canMark ? [] : matches) sentenceAt(index).classList.remove("found");
    matches = [];
    match = -1;
    if (wanted.length > 1 || /[^\x00-\x7f]/.test(wanted)) {
      folded ??= data.sentences.map((_, index) => fold(sentenceAt(index).textContent));
      folded.forEach((sentence, index) => {
        for (let at = sentence.indexOf(wanted); at >= 0; at = sentence.indexOf(wanted, at + wanted.length)) matches.push([index, at, wanted.length]);
      });
    }
    if (canMark) CSS.highlights.set("found", new Highlight(...matches.slice(0, 5000).map(rangeOf)));
    else for (const [index] of matches) sentenceAt(index).classList.add("found");
    byId("previous").disabled = byId("next").disabled = !matches.length;
    if (matches.length) goToMatch(Math.max(0, matches.findIndex(([index]) => index >= current)));
    else { byId("found").textContent = wanted.length > 1 ? "None" : ""; if (canMark) CSS.highlights.delete("match"); }
  };
  const goToMatch = (number) => {
    if (!matches.length) return;
    match = (number + matches.length) % matches.length;
    byId("found").textContent = `${match + 1} of ${matches.length}`;
    following = false;
    byId("follow").hidden = !scrolls() || current < 0;
    if (canMark) CSS.highlights.set("match", new Highlight(rangeOf(matches[match])));
    bring(sentenceAt(matches[match][0]), false);
  };
  byId("search").addEventListener("input", (event) => find(event.target.value));
  byId("search-form").addEventListener("submit", (event) => { event.preventDefault(); goToMatch(match + 1); });
  byId("next").addEventListener("click", () => goToMatch(match + 1));
  byId("previous").addEventListener("click", () => goToMatch(match - 1));
  for (const button of document.querySelectorAll(".keyword")) {
    button.addEventListener("click", () => { byId("search").value = button.textContent; find(button.textContent); });
  }

  // ---- keys
  const keys = {
    " ": toggle, k: toggle, j: () => seek(media.currentTime - 10), l: () => seek(media.currentTime + 10),
    ArrowLeft: () => seek(media.currentTime - 5), ArrowRight: () => seek(media.currentTime + 5),
    c: captions, m: mute, f: fullScreen, "/": () => byId("search").focus(),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    if (event.key === "Escape" && target.id === "search") { target.value = ""; find(""); target.blur(); return; }
    if (target.closest("input, select, textarea")) return;
    if (event.key === " " && target.closest("button, a, summary")) return;
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act) { event.preventDefault(); act(); }
  });

  // ---- a small player while the large one is out of sight
  new IntersectionObserver(([entry]) => {
    const away = !entry.isIntersecting && entry.boundingClientRect.top < 0, dock = byId("dock");
    dock.classList.toggle("shown", away);
    dock.inert = !away;
    dock.setAttribute("aria-hidden", String(!away));
  }).observe(document.querySelector(".player"));

  const language = byId("language");
  if (language) language.textContent = new Intl.DisplayNames(["en"], { type: "language" }).of(data.language) || data.language;
  media.addEventListener("loadedmetadata", measure);
  measure();
  if (media.error) missing();
  show();
  goToAddress();
})();
