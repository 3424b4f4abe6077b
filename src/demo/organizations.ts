/** Organizations: enterprises of a city, led by a person who is a customer as well where there is one. */
import { pinyin } from 'pinyin-pro';
import { addDays } from './days.js';
import { socialCreditCode } from './identifiers.js';
import { companyTrades, companyWords, foreignCompanies } from './names.js';
import { addressOf, branchOf, managerOf } from './persons.js';
import { cityWeights } from './places.js';
import type { Random } from './random.js';
import { ageOf, coreNumber, type DemoCustomer, someone, untaken, type World } from './world.js';

export function makeOrganization(world: World, index: number, random: Random): DemoCustomer {
  const city = random.weighted(cityWeights);
  const district = random.pick(city.districts);
  const { trade, industry } = random.pick(companyTrades);
  const isForeign = random.chance(0.08);
  const word = isForeign ? random.pick(foreignCompanies) : random.pick(companyWords);
  const legal = isForeign
    ? `${word}${trade}(中国)有限公司`
    : `${city.name}${word}${trade}${random.chance(0.12) ? '股份' : ''}有限公司`;
  const founded = addDays(world.anchor, -random.integer(400, 9000));
  const mailbox = pinyin(word, { toneType: 'none', type: 'array' }).join('');
  const branch = branchOf(city, random);
  const representative = representativeOf(world, city.name, random);
  const revenue = Math.round(random.logNormal(160_000, 0.9));
  const isNew = random.chance(0.08);
  return {
    index,
    number: coreNumber(world, index),
    kind: 'organization',
    source: 'core',
    name: { legal_name: legal, short_name: word + trade },
    bornOn: founded,
    language: isForeign ? 'en' : 'zh-CN',
    city,
    district: district.name,
    branch,
    manager: managerOf(branch, random),
    joinedOn: isNew
      ? addDays(world.anchor, -random.integer(1, 50))
      : addDays(founded, random.integer(20, 300)),
    identifiers: [{ scheme: 'uscc', value: untaken(world, () => socialCreditCode(district.code, random)) }],
    contactPoints: [
      {
        kind: 'phone',
        value: `${city.landline}-${random.integer(5, 7)}${String(random.integer(0, 9_999_999)).padStart(7, '0')}`,
        label: 'work',
        primary: true,
      },
      { kind: 'email', value: `finance@${mailbox}${index + 1}.example.com`, label: 'work' },
      { kind: 'address', address: addressOf(city, district.name, random), label: 'registered' },
    ],
    attributes: { industry },
    relations:
      representative === undefined
        ? []
        : [{ to: representative, role: 'legal_representative', startsOn: founded }],
    habit: 'digital',
    wealth: Math.round(random.logNormal(revenue * 1.1, 0.9)),
    income: revenue,
    fadesFrom: undefined,
    isSecondRecord: false,
  };
}

/** Mostly somebody of the city; of a small bank, anybody. */
function representativeOf(world: World, city: string, random: Random): DemoCustomer | undefined {
  const isAble = (one: DemoCustomer) =>
    one.kind === 'person' && !one.isSecondRecord && ageOf(world, one) > 28 && ageOf(world, one) < 66;
  return (
    someone(world, random, (one) => isAble(one) && one.city.name === city) ?? someone(world, random, isAble)
  );
}
