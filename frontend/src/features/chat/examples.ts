/** Prompts that a new chat offers; each is sent as it stands. */
export const examples = [
  "Plot a sine wave",
  "What is the sum of the first 100 whole numbers?",
  "Show a table of the squares of 1 to 10",
  "Roll two dice 1000 times and plot a histogram of the sums",
] as const;
