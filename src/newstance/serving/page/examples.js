// Invented articles to try the page with: two on one event, from two sides, and two on other topics.

export const EXAMPLES = [
  {
    name: "A bridge toll, reported",
    title: "Council backs toll on Harland Bridge after seven-hour debate",
    text: `The city council of Port Harland voted 21 to 18 on Tuesday night to charge drivers for crossing the Harland Bridge, ending two years of argument over how to pay for its repair.

From March, a car will pay 1.80 in either direction between six in the morning and eight in the evening. Buses, ambulances and residents of the two bridge districts are exempt. The finance department expects 31 million a year, enough to repay the repair loan by 2041.

Mayor Ines Corvell, who proposed the toll, said the alternative was closing the bridge to heavy vehicles. Opposition leader Tom Adeyemi said commuters on low wages would pay most and announced that his party would ask the regional court to review the vote.

Both sides agree on the state of the bridge: inspectors found cracks in four of its eleven supports last autumn. Work on the first support is to begin in May and to last about nine months, the council said.`,
  },
  {
    name: "A bridge toll, attacked",
    title: "The bridge toll is a tax on going to work",
    text: `Mayor Ines Corvell has finally found someone to pay for a decade of neglect, and it is the nurse who starts her shift at seven. The Harland Bridge toll, forced through by three votes after midnight, is the laziest and most unjust measure this council has passed in years.

Look at who is spared. Districts that voted for the mayor cross for free. Everybody else, from cleaners to delivery drivers, hands over almost eight hundred a year for the privilege of reaching a job. Nobody who drafted this shabby plan will feel it.

Corvell pleads that there was no choice. That is simply false. Her own auditors listed unspent reserves of 60 million, and she buried their report until the day after the vote. A leader with any respect for residents would have opened the books first.

The toll will not even fix the bridge in time. It should be thrown out, and the mayor who misled the city about it should apologise.`,
  },
  {
    name: "Peace talks resume",
    title: "Talks between Velmar and Ostrava Republic resume as truce holds",
    text: `Negotiators from Velmar and the Ostrava Republic met on Monday for the first time since fighting along the Sele river stopped three weeks ago, and agreed to keep talking until at least Friday.

Both delegations confirmed that the truce was holding. Monitors counted four incidents in the past week, down from more than sixty in the last week of October, and said that none of them involved artillery.

At the centre of the talks is the town of Karsk, which Velmar's army took in August. Ostrava demands that the troops leave before prisoners are exchanged. Velmar's foreign minister, Daria Holm, said an exchange could begin at once and that the town's future was a matter for a later round.

The United Nations envoy called the mood businesslike. Aid groups said that about 90,000 people were still unable to return home, and asked for a road to be opened before the first snow closes the mountain passes.`,
  },
  {
    name: "A battery that lasts",
    title: "Sodium battery keeps nine tenths of its charge after 5,000 cycles",
    text: `A battery made from common salt's main ingredient has survived 5,000 rounds of charging and discharging in a laboratory with hardly any loss, researchers at the Brennick Institute report this week.

The cell replaces lithium with sodium, which is far more abundant and can be mined almost anywhere. Earlier sodium cells swelled and cracked within a few hundred rounds. The new one is coated on the inside with a layer of carbon only forty atoms thick, which stretches along with the metal.

"We expected it to fail in the first month, and it is still running," said Amara Lindqvist, who led the work. After the equivalent of thirteen years of daily use, the cells held 91 percent of their original charge.

Engineers who were not involved praised the result and warned that coating a whole factory's output would be harder. The institute plans a small production line next year, together with a maker of storage for wind farms.`,
  },
];
