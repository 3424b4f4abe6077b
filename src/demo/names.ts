/** Names of persons: family names by how common they are, given names by the decade in which they were given. */

/** Persons in 10,000, roughly: the hundred most common family names are those of 85 in 100 people. */
const familyNames: readonly (readonly [string, number])[] = shares(
  '王 725 李 719 张 683 刘 538 陈 453 杨 308 赵 229 黄 223 周 212 吴 205 徐 167 孙 154 胡 131 马 129 朱 126 郭 119 林 118 何 117 ' +
    '高 110 梁 95 郑 93 罗 91 宋 81 谢 75 唐 72 韩 68 曹 67 许 66 邓 65 萧 10 肖 55 冯 64 曾 58 程 57 蔡 56 彭 55 潘 54 袁 54 于 53 ' +
    '董 53 余 48 苏 47 叶 46 吕 46 魏 45 蒋 45 田 44 杜 44 丁 43 沈 41 姜 40 范 40 江 39 傅 38 钟 37 卢 37 汪 36 戴 36 崔 35 任 34 ' +
    '陆 34 廖 33 姚 33 方 33 金 32 邱 31 夏 31 谭 31 韦 30 贾 30 邹 29 石 29 熊 28 孟 28 秦 27 阎 26 薛 26 侯 25 雷 25 白 25 龙 24 ' +
    '段 23 郝 23 孔 22 邵 22 史 22 毛 21 常 21 万 20 顾 20 赖 19 武 19 康 18 贺 18 严 17 尹 17 钱 17 单 6 仇 4 欧阳 7 上官 1 司马 1 诸葛 1',
);

type Given = readonly string[];
const givenNames: readonly { until: number; female: Given; male: Given }[] = [
  {
    until: 1965,
    female: words(
      '秀英 桂英 秀兰 玉兰 桂兰 秀珍 凤英 玉珍 淑珍 玉英 淑华 桂芳 淑英 素珍 惠芳 爱华 春兰 美玲 月英 翠兰',
    ),
    male: words(
      '建国 国强 志明 德胜 文华 国华 建华 玉明 永福 志强 国栋 福生 建民 卫国 援朝 金生 长根 宝华 振国 树林',
    ),
  },
  {
    until: 1984,
    female: words(
      '丽 敏 艳 静 红 霞 燕 玲 芳 娟 秀芳 丽娟 红梅 海燕 晓红 春梅 丽华 雪梅 文静 慧敏 晓燕 玉梅 丽萍 建红',
    ),
    male: words(
      '伟 勇 军 强 涛 斌 波 辉 刚 明 建军 志刚 海涛 国平 晓东 永强 志勇 文斌 俊峰 卫东 建平 国庆 少华 学军',
    ),
  },
  {
    until: 1997,
    female: words(
      '静 婷 倩 雪 丹 颖 琳 璐 婷婷 佳 梦 晶晶 雅婷 思思 晓雪 佳慧 文婷 雨晴 晓彤 梦瑶 莎莎 欢欢 诗雨 美琪',
    ),
    male: words(
      '超 磊 鹏 杰 浩 凯 亮 飞 帅 俊 宇 鑫 俊杰 志鹏 天宇 文博 浩然 晓峰 明哲 嘉伟 家豪 宇航 立文 思远',
    ),
  },
  {
    until: 2100,
    female: words('欣怡 梓涵 诗涵 雨桐 可馨 一诺 思琪 子涵 佳怡 雨萱 依诺 梦琪 紫萱 语嫣 若曦 心怡 悦 妍'),
    male: words('子轩 浩宇 宇轩 梓轩 浩然 子豪 俊熙 一鸣 皓轩 奕辰 博文 泽宇 明轩 天佑 睿 瑞霖 子墨 逸飞'),
  },
];

/** Full names of people whose names are not of two parts, or not Chinese: name, family name, given name, language. */
type Other = { full: string; family?: string; given?: string; language: string; nationality: string };
const otherFemale: readonly Other[] = [
  { full: '阿依古丽·买买提', language: 'ug-CN', nationality: 'CN' },
  { full: '古丽娜尔·艾山', language: 'ug-CN', nationality: 'CN' },
  { full: '卓玛拉姆', language: 'bo-CN', nationality: 'CN' },
  { full: '其其格', language: 'mn-CN', nationality: 'CN' },
  other('Emily Carter', 'en-GB', 'GB'),
  other('Sophie Martin', 'fr-FR', 'FR'),
  other('Anna Müller', 'de-DE', 'DE'),
  other('Yuki Tanaka', 'ja-JP', 'JP'),
  other('Elena Smirnova', 'ru-RU', 'RU'),
  other('Maria José Álvarez', 'es-ES', 'ES'),
  other('Ji-woo Kim', 'ko-KR', 'KR'),
  other('Priya Sharma', 'en-IN', 'IN'),
];
const otherMale: readonly Other[] = [
  { full: '艾合买提·吐尔逊', language: 'ug-CN', nationality: 'CN' },
  { full: '买买提·阿不都拉', language: 'ug-CN', nationality: 'CN' },
  { full: '扎西顿珠', language: 'bo-CN', nationality: 'CN' },
  { full: '巴特尔', language: 'mn-CN', nationality: 'CN' },
  other('James O’Connor', 'en-IE', 'IE'),
  other('Michael Smith', 'en-US', 'US'),
  other('Lukas Schneider', 'de-DE', 'DE'),
  other('Hiroshi Sato', 'ja-JP', 'JP'),
  other('Dmitri Ivanov', 'ru-RU', 'RU'),
  other('Luca Rossi', 'it-IT', 'IT'),
  other('Min-jun Park', 'ko-KR', 'KR'),
  other('Tan Wei Ming', 'en-SG', 'SG'),
];

export const familyNameShares = familyNames;
export const othersOf = (gender: 'female' | 'male'): readonly Other[] =>
  gender === 'female' ? otherFemale : otherMale;

export function givenNamesOf(gender: 'female' | 'male', birthYear: number): readonly string[] {
  return givenNames.find((one) => birthYear <= one.until)?.[gender] ?? [];
}

/** Parts of the names of companies: what they are called, what they do, and the industry that this is. */
export const companyWords = words(
  '启明 恒信 华晟 金桥 天和 瑞丰 东升 海纳 博远 鼎新 汇通 中联 德润 宏图 远航 嘉禾 明德 顺达 凯旋 同创 星辰 云帆 百川 长青 永盛 和泰',
);
export const companyTrades = [
  { trade: '科技', industry: 'information_technology' },
  { trade: '信息技术', industry: 'information_technology' },
  { trade: '贸易', industry: 'trade' },
  { trade: '进出口', industry: 'trade' },
  { trade: '电子', industry: 'manufacturing' },
  { trade: '精密机械', industry: 'manufacturing' },
  { trade: '新材料', industry: 'manufacturing' },
  { trade: '建筑工程', industry: 'construction' },
  { trade: '物流', industry: 'transport' },
  { trade: '餐饮管理', industry: 'hospitality' },
  { trade: '医疗器械', industry: 'health' },
  { trade: '教育咨询', industry: 'services' },
  { trade: '文化传媒', industry: 'services' },
  { trade: '农业发展', industry: 'agriculture' },
] as const;
export const foreignCompanies = words('莱茵 诺德 维克多 阿尔法 北海 太平洋');

function words(text: string): readonly string[] {
  return text.split(' ');
}

function shares(text: string): (readonly [string, number])[] {
  return [...text.matchAll(/(\p{Script=Han}+) (\d+)/gu)].map(([, name, share]) => [
    name ?? '',
    Number(share),
  ]);
}

function other(full: string, language: string, nationality: string): Other {
  const parts = full.split(' ');
  const familyFirst = nationality === 'SG';
  const family = familyFirst ? parts[0] : parts.at(-1);
  const given = (familyFirst ? parts.slice(1) : parts.slice(0, -1)).join(' ');
  return { full, family: family ?? full, given, language, nationality };
}
