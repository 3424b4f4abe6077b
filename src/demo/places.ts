/** Where customers live: cities by their weight in the bank, districts with their codes (GB/T 2260), and streets. */
export type District = { name: string; code: string };
export type City = {
  name: string;
  province: string;
  postalCode: string;
  /** of the bank's branches there */
  branchPrefix: string;
  landline: string;
  weight: number;
  districts: readonly District[];
};

const district = (text: string): District[] =>
  text.split(' ').map((one) => ({ name: one.slice(0, -6), code: one.slice(-6) }));

export const cities: readonly City[] = [
  {
    name: '上海',
    province: '上海',
    postalCode: '200000',
    branchPrefix: '01',
    landline: '021',
    weight: 24,
    districts: district('浦东新区310115 徐汇区310104 静安区310106 闵行区310112 杨浦区310110'),
  },
  {
    name: '北京',
    province: '北京',
    postalCode: '100000',
    branchPrefix: '02',
    landline: '010',
    weight: 18,
    districts: district('朝阳区110105 海淀区110108 东城区110101 西城区110102 丰台区110106'),
  },
  {
    name: '深圳',
    province: '广东',
    postalCode: '518000',
    branchPrefix: '03',
    landline: '0755',
    weight: 13,
    districts: district('南山区440305 福田区440304 宝安区440306 罗湖区440303'),
  },
  {
    name: '广州',
    province: '广东',
    postalCode: '510000',
    branchPrefix: '04',
    landline: '020',
    weight: 11,
    districts: district('天河区440106 越秀区440104 海珠区440105 番禺区440113'),
  },
  {
    name: '杭州',
    province: '浙江',
    postalCode: '310000',
    branchPrefix: '05',
    landline: '0571',
    weight: 10,
    districts: district('西湖区330106 上城区330102 滨江区330108'),
  },
  {
    name: '成都',
    province: '四川',
    postalCode: '610000',
    branchPrefix: '06',
    landline: '028',
    weight: 8,
    districts: district('武侯区510107 锦江区510104 青羊区510105'),
  },
  {
    name: '武汉',
    province: '湖北',
    postalCode: '430000',
    branchPrefix: '07',
    landline: '027',
    weight: 7,
    districts: district('武昌区420106 江汉区420103 洪山区420111'),
  },
  {
    name: '南京',
    province: '江苏',
    postalCode: '210000',
    branchPrefix: '08',
    landline: '025',
    weight: 5,
    districts: district('鼓楼区320106 玄武区320102 建邺区320105'),
  },
  {
    name: '西安',
    province: '陕西',
    postalCode: '710000',
    branchPrefix: '09',
    landline: '029',
    weight: 4,
    districts: district('雁塔区610113 碑林区610103 未央区610112'),
  },
];

export const streets =
  '人民路 中山路 解放路 建设路 和平路 文化路 新华路 长江路 花园路 湖滨路 学院路 东风路 延安路 南京路'.split(
    ' ',
  );

/** Branches of a city, and the relationship managers of a branch. */
export const branchesPerCity = 2;
export const managersPerBranch = 4;

export const cityWeights = cities.map((city) => [city, city.weight] as const);
