/** Persons: name, family, home, means and habits that fit together. */
import { pinyin } from 'pinyin-pro';
import { addDays, dayOf, daysInMonth, yearOf } from './days.js';
import { mobileNumber, residentId } from './identifiers.js';
import { familyNameShares, givenNamesOf, othersOf } from './names.js';
import { branchesPerCity, type City, cityWeights, managersPerBranch, streets } from './places.js';
import type { Random } from './random.js';
import {
  ageOf,
  type ContactPoint,
  coreNumber,
  type DemoCustomer,
  type Habit,
  someone,
  untaken,
  type World,
} from './world.js';

type Family = { spouse?: DemoCustomer; parent?: DemoCustomer };
type Name = { full: string; family?: string; given?: string; language: string; nationality: string };

export function makePerson(world: World, index: number, random: Random): DemoCustomer {
  // the fifth customer is rich in every bank, so that there is always one to look at
  const isRich = index === 4;
  const family = isRich ? {} : familyOf(world, random);
  const kin = family.spouse ?? family.parent;
  const gender = genderOf(family, random);
  const bornOn = isRich ? dayOf(yearOf(world.anchor) - 51, 8, 8) : birthDateOf(world, family, random);
  const age = ageOf(world, { bornOn });
  const city = kin?.city ?? random.weighted(cityWeights);
  const home = kin === undefined ? random.pick(city.districts) : undefined;
  const name = nameOf(gender, yearOf(bornOn), family, random);
  const habit = habitOf(age, random);
  const means = meansOf(isRich, age, random);
  const joinedOn = joinedOnOf(world, bornOn, random);
  const branch = kin?.branch ?? branchOf(city, random);
  const isAffluent = means.wealth > 300_000;
  const person: DemoCustomer = {
    index,
    number: coreNumber(world, index),
    kind: 'person',
    source: 'core',
    name: {
      full_name: name.full,
      ...(name.family === undefined ? {} : { family_name: name.family }),
      ...(name.given === undefined ? {} : { given_name: name.given }),
    },
    bornOn,
    gender,
    language: name.language,
    city,
    district: kin?.district ?? home?.name ?? '',
    branch,
    manager: isAffluent || random.chance(0.3) ? managerOf(branch, random) : undefined,
    joinedOn,
    identifiers: [papersOf(world, city, bornOn, gender, name.nationality, random)],
    contactPoints: contactPointsOf(name, bornOn, city, kin, home?.name ?? kin?.district ?? '', habit, random),
    attributes: {
      risk_level: riskLevelOf(age, means.wealth, random),
      occupation: isRich ? 'self_employed' : occupationOf(age, random),
      annual_income: String(means.income * 12),
    },
    relations: [],
    habit,
    ...means,
    fadesFrom: random.chance(0.06) ? addDays(world.anchor, -random.integer(60, 300)) : undefined,
    isSecondRecord: false,
  };
  person.relations.push(...familyRelations(family), ...employment(world, person, age, random));
  return person;
}

/** Some live with somebody who is a customer already. */
function familyOf(world: World, random: Random): Family {
  const recent = world.customers.slice(-12).filter((one) => one.kind === 'person' && !one.isSecondRecord);
  const married = new Set(
    world.customers
      .slice(-24)
      .flatMap((one) => one.relations.filter(({ role }) => role === 'spouse').flatMap(({ to }) => [one, to])),
  );
  if (random.chance(0.28)) {
    const spouse = recent.find((one) => ageOf(world, one) > 26 && !married.has(one));
    if (spouse !== undefined) return { spouse };
  }
  const parent = random.chance(0.1) ? recent.find((one) => ageOf(world, one) > 44) : undefined;
  return parent === undefined ? {} : { parent };
}

const familyRelations = ({ spouse, parent }: Family): DemoCustomer['relations'] => [
  ...(spouse === undefined
    ? []
    : [
        { to: spouse, role: 'spouse' },
        { to: spouse, role: 'household_member' },
      ]),
  ...(parent === undefined ? [] : [{ to: parent, role: 'parent' }]),
];

function genderOf({ spouse }: Family, random: Random): 'female' | 'male' {
  if (spouse !== undefined) return spouse.gender === 'female' ? 'male' : 'female';
  return random.chance(0.5) ? 'female' : 'male';
}

function birthDateOf(world: World, { spouse, parent }: Family, random: Random): string {
  const thisYear = yearOf(world.anchor);
  const typical = thisYear - Math.round(Math.min(82, Math.max(19, random.normal(43, 14))));
  const year =
    spouse !== undefined
      ? yearOf(spouse.bornOn) + random.integer(-4, 4)
      : parent !== undefined
        ? Math.min(thisYear - 18, yearOf(parent.bornOn) + random.integer(22, 34))
        : typical;
  const month = random.integer(1, 12);
  return dayOf(year, month, random.integer(1, daysInMonth(dayOf(year, month, 1).slice(0, 7))));
}

function nameOf(gender: 'female' | 'male', birthYear: number, { parent }: Family, random: Random): Name {
  const isChinese = (parent?.name.family_name ?? '').match(/^\p{Script=Han}/u) !== null;
  if (!isChinese && random.chance(0.07)) return random.pick(othersOf(gender));
  const family =
    parent !== undefined && isChinese ? (parent.name.family_name ?? '') : random.weighted(familyNameShares);
  const given = random.pick(givenNamesOf(gender, birthYear));
  return { full: family + given, family, given, language: 'zh-CN', nationality: 'CN' };
}

function papersOf(
  world: World,
  city: City,
  bornOn: string,
  gender: 'female' | 'male',
  nationality: string,
  random: Random,
) {
  if (nationality !== 'CN') {
    const value = untaken(world, () => `${nationality}${random.integer(10_000_000, 99_999_999)}`);
    return { scheme: 'passport', value };
  }
  // one in five was registered elsewhere
  const origin = random.chance(0.2) ? random.weighted(cityWeights) : city;
  const { code } = random.pick(origin.districts);
  const half = random.integer(0, 498);
  const parity = gender === 'male' ? 1 : 2;
  const value = untaken(world, (attempt) => residentId(code, bornOn, ((half + attempt) % 499) * 2 + parity));
  return { scheme: 'national_id', value };
}

function contactPointsOf(
  name: Name,
  bornOn: string,
  city: City,
  kin: DemoCustomer | undefined,
  district: string,
  habit: Habit,
  random: Random,
): ContactPoint[] {
  const mailbox = `${romanised(name)}${bornOn.slice(2, 4)}${random.integer(1, 99)}`;
  const mail = random.chance(habit === 'branch' ? 0.15 : 0.6);
  const shared = kin?.contactPoints.find((point) => point.kind === 'address');
  return [
    { kind: 'phone', value: mobileNumber(random), label: 'mobile', primary: true },
    ...(mail ? [{ kind: 'email' as const, value: `${mailbox}@example.com`, label: 'home' }] : []),
    shared ?? { kind: 'address', address: addressOf(city, district, random), label: 'home' },
  ];
}

const romanised = (name: Name) =>
  pinyin(name.full, { toneType: 'none', type: 'array', surname: 'head', nonZh: 'consecutive', v: true })
    .join('')
    .normalize('NFD')
    .toLowerCase()
    .replace(/[^a-z]/g, '');

export const addressOf = (city: City, district: string, random: Random) => ({
  lines: [
    `${random.pick(streets)}${random.integer(1, 900)}号${random.integer(1, 30)}栋${random.integer(101, 2804)}室`,
  ],
  district,
  city: city.name,
  province: city.province,
  postal_code: city.postalCode,
  country: 'CN',
});

function habitOf(age: number, random: Random): Habit {
  const old = Math.min(1, Math.max(0, (age - 30) / 40));
  return random.weighted([
    ['digital', 6 - 5.5 * old],
    ['mixed', 3],
    ['branch', 0.4 + 4 * old],
    ['silent', 0.7],
  ]);
}

function meansOf(isRich: boolean, age: number, random: Random) {
  const income = Math.round(
    random.logNormal(age >= 60 ? 4200 : age < 23 ? 1800 : 9500, age >= 60 ? 0.35 : 0.55),
  );
  const yearsOfSaving = Math.min(35, Math.max(1, age - 22));
  const wealth = Math.round(random.logNormal(income * (1 + yearsOfSaving / 2.5), 1.35));
  return isRich ? { income: 68_000, wealth: 3_650_000 } : { income, wealth };
}

/** One in nine is new: within some weeks before the anchor. Others came within thirty years, recent ones more often. */
function joinedOnOf(world: World, bornOn: string, random: Random): string {
  if (random.chance(0.11)) return addDays(world.anchor, -random.integer(1, 50));
  const day = addDays(world.anchor, -Math.round(100 + Math.min(11_000, random.logNormal(1900, 0.9))));
  const adult = `${yearOf(bornOn) + 18}-07-01`;
  return day < adult ? (adult < addDays(world.anchor, -100) ? adult : addDays(world.anchor, -100)) : day;
}

export const branchOf = (city: City, random: Random): string =>
  `${city.branchPrefix}0${random.integer(1, branchesPerCity)}`;

export const managerOf = (branch: string, random: Random): string =>
  `RM${branch}${random.integer(1, managersPerBranch)}`;

function riskLevelOf(age: number, wealth: number, random: Random): number {
  const level = Math.round(random.normal(2.4 + (wealth > 300_000 ? 0.9 : 0) - (age > 60 ? 0.8 : 0), 0.9));
  return Math.min(5, Math.max(1, level));
}

function occupationOf(age: number, random: Random): string {
  if (age >= 60) return 'retired';
  if (age < 23) return 'student';
  return random.weighted([
    ['employee', 58],
    ['civil_servant', 9],
    ['self_employed', 16],
    ['professional', 13],
    ['homemaker', 4],
  ]);
}

const ofWork = ['employee', 'professional'];

/** Many work for an organization of their city that is a customer as well. */
function employment(
  world: World,
  person: DemoCustomer,
  age: number,
  random: Random,
): DemoCustomer['relations'] {
  if (!ofWork.includes(String(person.attributes.occupation)) || !random.chance(0.7)) return [];
  const isNearby = (one: DemoCustomer) => one.kind === 'organization' && one.city === person.city;
  const employer = someone(world, random, isNearby);
  if (employer === undefined) return [];
  const startsOn = addDays(world.anchor, -random.integer(60, Math.max(61, (age - 22) * 300)));
  return [{ to: employer, role: 'employer', startsOn }];
}

/**
 * A record of a card system about somebody whom core banking knows already: the name as it is embossed, the same
 * phone and date of birth, no resident id. Undefined where nobody fits.
 */
export function makeSecondRecord(world: World, index: number, random: Random): DemoCustomer | undefined {
  const original = someone(
    world,
    random,
    (one) => one.language === 'zh-CN' && one.kind === 'person' && !one.isSecondRecord,
  );
  if (original === undefined) return undefined;
  const { family_name: family = '', given_name: given = '' } = original.name;
  const latin = (text: string, isFamily: boolean) => {
    const read = pinyin(text, {
      toneType: 'none',
      type: 'array',
      surname: isFamily ? 'head' : 'off',
      v: true,
    }).join('');
    return read.charAt(0).toUpperCase() + read.slice(1);
  };
  const phone = original.contactPoints.filter((point) => point.kind === 'phone');
  return {
    ...original,
    index,
    number: { scheme: 'crm', value: `CRM-${world.seed}-${String(index + 1).padStart(6, '0')}` },
    source: 'crm',
    name: { full_name: `${latin(given, false)} ${latin(family, true)}` },
    manager: undefined,
    identifiers: [],
    contactPoints: phone,
    attributes: {},
    relations: [],
    isSecondRecord: true,
  };
}
