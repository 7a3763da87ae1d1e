// Before the first paint, so that a chosen theme does not flash.
try {
  const theme = localStorage.getItem("stoker-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* storage is off: the system's choice holds */ }
