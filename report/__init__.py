"""From a run folder and a catalogue to a judged run, and from there to HTML, JSON, JUnit XML and Markdown."""
