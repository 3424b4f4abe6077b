/** Every code that a problem can carry: status, title in English and Chinese, and what it means to the caller. */
type Problem = { status: number; title: string; titleZh: string; description: string; descriptionZh: string };

const define = <const T extends Record<string, Problem>>(table: T) => table;

export const problems = define({
  malformed_request: {
    status: 400,
    title: 'The request is malformed',
    titleZh: '请求格式错误',
    description:
      'The body, a parameter or a header does not have the documented shape. `errors` names each place.',
    descriptionZh: '请求体、参数或请求头不符合文档规定的形式。`errors` 指出每一处。',
  },
  invalid_cursor: {
    status: 400,
    title: 'The cursor is not valid here',
    titleZh: '游标无效',
    description:
      'A cursor is valid for the list and the filters that it was made for. Begin again without one.',
    descriptionZh: '游标只对生成它的列表和筛选条件有效。请不带游标重新开始。',
  },
  exchange_refused: {
    status: 400,
    title: 'No token is issued',
    titleZh: '未签发令牌',
    description:
      'The token exchange asks for something that is not given. `error` says what, as OAuth 2.0 (RFC 6749, 5.2) has it.',
    descriptionZh: '令牌交换所请求的内容不予签发。`error` 按 OAuth 2.0（RFC 6749 第 5.2 节）说明原因。',
  },
  unauthenticated: {
    status: 401,
    title: 'Authentication is required',
    titleZh: '需要身份认证',
    description:
      'Send `Authorization: Bearer` with a key that is neither expired nor revoked, or with a token of the OpenID provider that is valid here.',
    descriptionZh:
      '请发送 `Authorization: Bearer` 及未过期、未吊销的密钥，或 OpenID 提供方签发且在此有效的令牌。',
  },
  insufficient_scope: {
    status: 403,
    title: 'The caller lacks a scope',
    titleZh: '权限不足',
    description: 'The operation asks for a scope that the key or the token does not have.',
    descriptionZh: '该操作所需的权限范围，此密钥或令牌没有。',
  },
  bank_wide: {
    status: 403,
    title: 'The operation concerns the whole bank',
    titleZh: '该操作涉及整个银行',
    description: 'It is refused to a key or a token that is bound to a data scope.',
    descriptionZh: '限定了数据范围的密钥或令牌不能执行该操作。',
  },
  second_person_required: {
    status: 403,
    title: 'A second person has to decide',
    titleZh: '须由另一人决定',
    description:
      'Whoever has asked for something cannot decide on it, by whatever secret or client they call.',
    descriptionZh: '申请人不能决定自己的申请，无论使用哪个密钥或客户端。',
  },
  requester_only: {
    status: 403,
    title: 'Only the requester can withdraw',
    titleZh: '只有申请人可以撤回',
    description: 'A request is taken back by whoever has made it. Others reject it.',
    descriptionZh: '申请只能由提出者撤回。其他人可以拒绝。',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    titleZh: '未找到',
    description:
      'It does not exist, or lies outside the data scope of the caller: the two are not told apart.',
    descriptionZh: '资源不存在，或不在调用方的数据范围之内：两种情况不作区分。',
  },
  method_not_allowed: {
    status: 405,
    title: 'The method is not allowed here',
    titleZh: '不支持该请求方法',
    description: 'The `Allow` header lists the methods of this path.',
    descriptionZh: '`Allow` 响应头列出该路径支持的方法。',
  },
  not_acceptable: {
    status: 406,
    title: 'The answer is not to be had in that media type',
    titleZh: '不支持所请求的媒体类型',
    description:
      'What is asked for in `Accept` is not what this operation answers. `errors` says what it does.',
    descriptionZh: '`Accept` 所请求的类型不是该操作可返回的类型。`errors` 列出可用的类型。',
  },
  request_timeout: {
    status: 408,
    title: 'The request took too long to arrive',
    titleZh: '请求超时',
    description: 'Headers or body were not complete in time.',
    descriptionZh: '请求头或请求体未能按时完整到达。',
  },
  conflict: {
    status: 409,
    title: 'The state does not permit this',
    titleZh: '状态冲突',
    description: 'The resource is in a state in which this cannot be done; `detail` says which.',
    descriptionZh: '资源当前所处的状态不允许此操作；`detail` 说明是哪种状态。',
  },
  insufficient_points: {
    status: 409,
    title: 'There are not enough points',
    titleZh: '积分不足',
    description:
      'More points are asked for than can be used now: what is pending, held, or owed cannot. `detail` says how many there are.',
    descriptionZh: '所需积分超过当前可用积分：待生效、已冻结或欠付的积分不可使用。`detail` 说明可用数量。',
  },
  benefit_used_up: {
    status: 409,
    title: 'The benefit is used up',
    titleZh: '权益已用完',
    description:
      'It was used as often as the tier gives it in the period that runs. `detail` says how often that is.',
    descriptionZh: '该权益在当前周期内已按等级规定的次数用完。`detail` 说明次数。',
  },
  not_eligible: {
    status: 409,
    title: 'The customer cannot have it',
    titleZh: '客户不符合条件',
    description:
      'What is asked for has conditions that are not met: a rule, a time, or how many a customer can have. `errors` says which, and `condition` is the first of the rule that fails.',
    descriptionZh:
      '所请求的内容有未满足的条件：规则、时间或每位客户的数量上限。`errors` 说明是哪一个，`condition` 为规则中首个未满足的条件。',
  },
  out_of_stock: {
    status: 409,
    title: 'None is left',
    titleZh: '已无库存',
    description: 'All of them are ordered. One that is given up can be ordered again.',
    descriptionZh: '已全部被订购。被放弃的可以再次订购。',
  },
  identifier_conflict: {
    status: 409,
    title: 'The identifier belongs to another customer',
    titleZh: '标识已属于其他客户',
    description: 'An identifier of a scheme belongs to one customer only.',
    descriptionZh: '同一方案下的一个标识只能属于一个客户。',
  },
  activity_conflict: {
    status: 409,
    title: 'The activity is known with other content',
    titleZh: '该行为已存在且内容不同',
    description:
      'An activity with this `source`, `source_id` and `source_version` came before and says something else. What came first stands; a correction needs a higher version.',
    descriptionZh:
      '具有相同 `source`、`source_id` 和 `source_version` 的行为此前已收到，且内容不同。以先到者为准；更正需要更高的版本号。',
  },
  idempotency_in_progress: {
    status: 409,
    title: 'The same request is still running',
    titleZh: '相同请求正在处理中',
    description: 'A request with this idempotency key has not ended yet. Repeat after `Retry-After` seconds.',
    descriptionZh: '使用此幂等键的请求尚未结束。请在 `Retry-After` 秒后重试。',
  },
  upload_offset_mismatch: {
    status: 409,
    title: 'The upload goes on from another offset',
    titleZh: '上传偏移量不一致',
    description: 'Read the import and send the bytes from `received_bytes` on.',
    descriptionZh: '请读取该导入任务，并从 `received_bytes` 处继续发送。',
  },
  plan_changed: {
    status: 409,
    title: 'The plan is no longer what would be done',
    titleZh: '计划已与现状不符',
    description:
      'What `plan_hash` or the approval stands for is not what would be done now. Nothing was done: look at the plan anew.',
    descriptionZh: '`plan_hash` 或审批所对应的内容与现在将执行的内容不一致。未执行任何操作：请重新查看计划。',
  },
  sandbox_only: {
    status: 409,
    title: 'This is no sandbox',
    titleZh: '非沙箱环境',
    description:
      'The clock can be moved where the service was started with `SANDBOX=true`, and nowhere else.',
    descriptionZh: '只有以 `SANDBOX=true` 启动的服务才能调整时钟。',
  },
  stale_version: {
    status: 412,
    title: 'The resource has changed',
    titleZh: '资源已被修改',
    description: '`If-Match` does not name the present version. Read it again and decide anew.',
    descriptionZh: '`If-Match` 不是当前版本。请重新读取后再作决定。',
  },
  too_large: {
    status: 413,
    title: 'The body is too large',
    titleZh: '请求体过大',
    description: 'Send less at once; imports take any amount.',
    descriptionZh: '请减少单次发送的数据量；导入接口不限数据量。',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The media type is not supported',
    titleZh: '不支持的媒体类型',
    description: 'Use the content type that the operation documents, in UTF-8.',
    descriptionZh: '请使用该操作文档规定的内容类型，并采用 UTF-8 编码。',
  },
  expectation_failed: {
    status: 417,
    title: 'The expectation cannot be met',
    titleZh: '无法满足请求期望',
    description: 'Only `Expect: 100-continue` is understood.',
    descriptionZh: '仅支持 `Expect: 100-continue`。',
  },
  rule_broken: {
    status: 422,
    title: 'A rule is broken',
    titleZh: '违反业务规则',
    description:
      'The request is well formed but cannot be so. `errors` names each place and what is allowed.',
    descriptionZh: '请求格式正确，但内容不被允许。`errors` 指出每一处以及允许的内容。',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'The idempotency key was used for another request',
    titleZh: '幂等键已用于其他请求',
    description: 'The same key came before with another body. Use a new key for a new request.',
    descriptionZh: '同一幂等键此前已用于另一请求体。新请求请使用新键。',
  },
  digest_mismatch: {
    status: 422,
    title: 'The digest does not match',
    titleZh: '摘要不一致',
    description: 'What arrived is not what `Repr-Digest` announces. Nothing of it is kept: send it anew.',
    descriptionZh: '收到的内容与 `Repr-Digest` 所声明的不符。未保留任何内容：请重新发送。',
  },
  control_mismatch: {
    status: 422,
    title: 'A control total does not match',
    titleZh: '控制总数不一致',
    description: 'The lines that arrived do not come to what was announced. Nothing of them is applied.',
    descriptionZh: '收到的行与所声明的控制总数不符。未应用任何内容。',
  },
  correction_needed: {
    status: 409,
    title: 'The feed has come this far with another file',
    titleZh: '该数据批次的日期已由其他文件加载',
    description:
      'Another file of this business date, or one of a later date, has come. Send it with `correction=true` where it is to stand.',
    descriptionZh:
      '该营业日期的另一文件或更晚日期的文件已收到。若应以此文件为准，请以 `correction=true` 发送。',
  },
  precondition_required: {
    status: 428,
    title: 'If-Match is required',
    titleZh: '缺少 If-Match 请求头',
    description: 'Send the `ETag` of the version that you have read as `If-Match`.',
    descriptionZh: '请将读取到的版本的 `ETag` 作为 `If-Match` 发送。',
  },
  too_many_streams: {
    status: 429,
    title: 'The key has too many event streams',
    titleZh: '该密钥的事件流过多',
    description: 'Close one first: one stream carries everything that the key may read.',
    descriptionZh: '请先关闭一个事件流：一个事件流即可传送该密钥可读取的全部内容。',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    titleZh: '请求过于频繁',
    description:
      'The limit that `RateLimit-Policy` names is used up. Go on after `Retry-After` seconds; `RateLimit` says how much is left.',
    descriptionZh:
      '`RateLimit-Policy` 所列的限额已用完。请在 `Retry-After` 秒后继续；`RateLimit` 说明剩余额度。',
  },
  headers_too_large: {
    status: 431,
    title: 'The header fields are too large',
    titleZh: '请求头过大',
    description: 'Send fewer or shorter header fields.',
    descriptionZh: '请减少请求头的数量或缩短其长度。',
  },
  internal_error: {
    status: 500,
    title: 'Something went wrong here',
    titleZh: '服务内部错误',
    description: 'It is logged under the request id. Nothing was half done: repeat the request.',
    descriptionZh: '已按请求编号记录。没有任何操作只完成一半：请重试。',
  },
  overloaded: {
    status: 503,
    title: 'The service has too much to do',
    titleZh: '服务过载',
    description:
      'Nothing of the request was done. Repeat it after `Retry-After` seconds, with the same idempotency key where you sent one.',
    descriptionZh: '该请求未被处理。请在 `Retry-After` 秒后重试；如曾发送幂等键，请使用同一键。',
  },
  unavailable: {
    status: 503,
    title: 'The service cannot answer right now',
    titleZh: '服务暂不可用',
    description: 'Repeat after `Retry-After` seconds, with the same idempotency key where you sent one.',
    descriptionZh: '请在 `Retry-After` 秒后重试；如曾发送幂等键，请使用同一键。',
  },
});

export type ProblemCode = keyof typeof problems;
