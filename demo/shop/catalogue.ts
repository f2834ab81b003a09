/** What the shop of the demo sells, and to whom: invented names, addresses of a domain that is nobody's. */

export interface Product {
  readonly sku: string
  readonly slug: string
  readonly name: string
  readonly category: 'coffee' | 'equipment' | 'course'
  /** In cents. */
  readonly price: number
}

function product(sku: string, name: string, category: Product['category'], price: number): Product {
  return { sku, slug: name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'), name, category, price }
}

export const PRODUCTS: readonly Product[] = [
  product('C-101', 'Guji Natural', 'coffee', 1450),
  product('C-102', 'Sidama Washed', 'coffee', 1390),
  product('C-103', 'Huila Honey', 'coffee', 1350),
  product('C-104', 'Antigua Bourbon', 'coffee', 1290),
  product('C-105', 'Cerrado Chocolate', 'coffee', 1090),
  product('C-106', 'Nyeri Peaberry', 'coffee', 1690),
  product('C-107', 'Mantiqueira Pulped', 'coffee', 1190),
  product('C-108', 'Gayo Mountain', 'coffee', 1250),
  product('C-109', 'Tarrazu Micro Lot', 'coffee', 1590),
  product('C-110', 'House Espresso', 'coffee', 990),
  product('C-111', 'Night Shift Blend', 'coffee', 1040),
  product('C-112', 'Decaf Sugarcane', 'coffee', 1310),
  product('C-113', 'Geisha Reserve', 'coffee', 3900),
  product('C-114', 'Monsoon Malabar', 'coffee', 1150),
  product('E-201', 'Pour Over Dripper', 'equipment', 2490),
  product('E-202', 'Paper Filters 100', 'equipment', 590),
  product('E-203', 'Gooseneck Kettle', 'equipment', 7900),
  product('E-204', 'Hand Grinder', 'equipment', 11900),
  product('E-205', 'Flat Burr Grinder', 'equipment', 34900),
  product('E-206', 'Brew Scale', 'equipment', 4900),
  product('E-207', 'French Press', 'equipment', 3290),
  product('E-208', 'Milk Pitcher', 'equipment', 2190),
  product('E-209', 'Travel Mug', 'equipment', 2790),
  product('E-210', 'Cold Brew Bottle', 'equipment', 3190),
  product('E-211', 'Descaler', 'equipment', 890),
  product('S-301', 'Latte Art Basics', 'course', 6900),
  product('S-302', 'Cupping Evening', 'course', 4500),
  product('S-303', 'Home Barista Weekend', 'course', 18900),
]

export type Plan = 'free' | 'taster' | 'regular' | 'office'

/** Coffee by subscription; the price of a month in cents. */
export const PLANS: Readonly<Record<Plan, number>> = { free: 0, taster: 1490, regular: 2790, office: 9900 }

export const ARTICLES: readonly string[] = [
  'how-to-dial-in-espresso',
  'water-for-coffee',
  'harvest-report-colombia',
  'storing-beans',
  'grinder-care',
  'cold-brew-at-home',
  'what-is-a-micro-lot',
  'cupping-for-beginners',
  'milk-that-pours',
  'our-roaster',
]

export const SEARCHES: readonly string[] = [
  'decaf',
  'filter',
  'grinder',
  'gift card',
  'kenya',
  'scale',
  'espresso',
  'kettle',
]

export const FIRST_NAMES: readonly string[] = [
  ...['Ada', 'Björn', 'Chiara', 'Dario', 'Emine', 'Fatou', 'Goran', 'Hana', 'Ines', 'Jonas', 'Katja', 'Léa'],
  ...[
    'Milan',
    'Noor',
    'Ove',
    'Priya',
    'Quentin',
    'Rosa',
    'Samir',
    'Tereza',
    'Ugo',
    'Vera',
    'Wen',
    'Xenia',
    'Yusuf',
    'Zoë',
  ],
]

export const LAST_NAMES: readonly string[] = [
  ...['Abebe', 'Bianchi', 'Costa', 'Dvořák', 'Eriksen', 'Fischer', 'Gruber', 'Horvat', 'Ito', 'Jansen', 'Kowalski'],
  ...[
    'Lindqvist',
    'Moreau',
    'Novak',
    'Okafor',
    'Petrov',
    'Quint',
    'Rossi',
    'Silva',
    'Tanaka',
    'Unger',
    'Varga',
    'Weber',
  ],
]

export const CITIES: readonly (readonly [city: string, country: string, timezone: string])[] = [
  ['Vienna', 'AT', 'Europe/Vienna'],
  ['Graz', 'AT', 'Europe/Vienna'],
  ['Berlin', 'DE', 'Europe/Berlin'],
  ['Lyon', 'FR', 'Europe/Paris'],
  ['Trieste', 'IT', 'Europe/Rome'],
  ['Porto', 'PT', 'Europe/Lisbon'],
  ['Gothenburg', 'SE', 'Europe/Stockholm'],
  ['Zürich', 'CH', 'Europe/Zurich'],
  ['Kraków', 'PL', 'Europe/Warsaw'],
  ['Utrecht', 'NL', 'Europe/Amsterdam'],
]

export const LANDINGS: readonly (readonly [source: string, campaign: string])[] = [
  ['newsletter', 'spring-harvest'],
  ['instagram', 'latte-art'],
  ['search', 'brand'],
  ['podcast', 'morning-cup'],
  ['friend', 'referral'],
]
