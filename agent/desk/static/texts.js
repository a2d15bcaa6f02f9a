// All words of the page, in English and Chinese.

const TEXTS = {
  login: ["Login", "用户名"], password: ["Password", "密码"], log_in: ["Log in", "登录"], log_out: ["Log out", "退出"],
  wrong_login: ["Login or password is wrong.", "用户名或密码错误。"], wait: ["Too many attempts. Wait {0} s.", "尝试次数过多，请等待 {0} 秒。"],
  other_language: ["中文", "English"], sound_on: ["Sound on", "声音已开"], sound_off: ["Sound off", "声音已关"],
  alerts: ["Alerts", "警报"], map: ["Map", "地图"], flights: ["Flights", "飞行"], history: ["History", "历史"],
  none_open: ["No open alerts.", "没有未结警报。"], not_yet: ["Asking the hub what is open…", "正在向中心查询未结警报…"],
  closed_lately: ["Closed lately", "最近结束"], and_more: ["and {0} more", "另有 {0} 条"], exercise: ["EXERCISE", "演习"],
  connected: ["Connected", "已连接"], connecting: ["Connecting…", "正在连接…"],
  lost_hub: ["NO CONNECTION TO THE HUB", "与数据中心的连接已断开"], lost_server: ["THIS PAGE HAS LOST ITS SERVER", "本页面与服务器的连接已断开"],
  old: ["What you see is old. New alerts do not reach you.", "所见为旧信息，新警报无法送达。"], since: ["since {0}", "自 {0}"],
  history_trouble: ["The history is not being written: {0}", "历史记录无法写入：{0}"],
  fire: ["Fire", "火灾"], smoke: ["Smoke", "烟雾"], flood: ["Flood", "洪水"], hot_spot: ["Hot spot", "热点"], person: ["Person", "人员"],
  vehicle: ["Vehicle", "车辆"], logging: ["Logging", "盗伐"], pollution: ["Pollution", "污染"],
  open: ["open", "未处理"], updated: ["updated", "已更新"], acknowledged: ["acknowledged", "已确认"], dispatched: ["dispatched", "已派出"],
  resolved: ["resolved", "已解决"], false_alarm: ["false alarm", "误报"], withdrawn: ["withdrawn", "已撤回"], expired: ["expired", "已过期"],
  Extreme: ["Extreme", "特别严重"], Severe: ["Severe", "严重"], Moderate: ["Moderate", "中等"], Minor: ["Minor", "轻微"], Unknown: ["Unknown", "未知"],
  Observed: ["Observed", "已证实"], Likely: ["Likely", "很可能"], Possible: ["Possible", "可能"], Unlikely: ["Unlikely", "不太可能"],
  severity: ["Severity", "严重程度"], certainty: ["Certainty", "确定性"], place: ["Place", "位置"], error: ["Error (95 %)", "误差 (95%)"],
  size: ["Size", "面积"], growth: ["Growth", "增长"], first_seen: ["First seen", "首次发现"], last_seen: ["Last seen", "最近发现"],
  nest: ["Nest", "机巢"], route: ["Route", "航线"], weather: ["Weather at the nest", "机巢天气"], detector: ["Detector", "检测器"], id: ["Alert", "警报编号"],
  picture: ["Picture", "图像"], thermal: ["Thermal", "热成像"], no_picture: ["No picture yet.", "暂无图像。"],
  proved: ["Picture matches the alert's digest", "图像与警报摘要一致"], unproved: ["Picture is not the one that the alert names", "图像与警报所列不符"],
  acknowledge: ["Acknowledge", "确认"], dispatch: ["Dispatch", "派出"], resolve: ["Resolve", "解决"], false_alarm_do: ["False alarm", "误报"],
  look_again: ["Look again", "复查"], fly_there: ["Ask for a flight there", "申请飞往该处"], close: ["Close", "关闭"], copy: ["Copy place", "复制坐标"],
  copied: ["Copied.", "已复制。"], note: ["Note", "备注"], no: ["Cancel", "取消"], send: ["Send", "发送"],
  dispatch_words: ["Say that somebody is on the way. The nest then does not withdraw the alert by itself.", "表示人员已出发。此后机巢不会自行撤回该警报。"],
  resolve_words: ["It is over. This closes the alert for all.", "事件已结束。该警报将对所有人关闭。"],
  false_words: ["It never was. This closes the alert for all, and the nest stays quiet about this place for a while.", "并无其事。该警报将对所有人关闭，机巢在一段时间内不再报告此处。"],
  look_words: ["The nest is asked to fly there and look again.", "请求机巢飞往该处复查。"],
  exercise_words: ["This is an exercise. Nobody must be sent.", "这是演习，不得派出人员。"],
  was_sent: ["Sent. The nest has not answered yet.", "已发送，机巢尚未回应。"], sent_by: ["{0}, by {1} at {2}: waiting for the nest", "{0}，{1}，{2}：等待机巢回应"],
  not_sent: ["Not done: {0}", "未完成：{0}"], who_what: ["What happened", "经过"],
  nests: ["Nests", "机巢"], ready: ["ready", "就绪"], flying: ["flying", "飞行中"], busy: ["busy", "忙"], not_ready: ["not ready", "未就绪"],
  fault: ["fault", "故障"], stopped: ["stopped", "已停止"], lost: ["lost", "失联"], battery: ["battery {0}", "电量 {0}"], next_flight: ["next flight {0}", "下次飞行 {0}"],
  ask_flight: ["Ask for a flight", "申请飞行"], target: ["Where to", "目标"], t_route: ["Route", "航线"], t_area: ["Area", "区域"], t_line: ["Line", "线路"], t_point: ["Point", "地点"],
  draw: ["Draw on the map", "在地图上绘制"], drawn_area: ["{0} corners", "{0} 个角点"], drawn_none: ["Nothing drawn yet", "尚未绘制"],
  draw_area: ["Click the corners. Enter takes the middle of the map.", "依次点击角点。按回车键取地图中心。"], draw_point: ["Click the place. Enter takes the middle of the map.", "点击地点。按回车键取地图中心。"],
  done_drawing: ["Done", "完成"], undo: ["Undo", "撤销"], scenario: ["Purpose", "用途"], priority: ["Priority", "优先级"], routine: ["routine", "常规"], elevated: ["elevated", "较高"], emergency: ["emergency", "紧急"],
  height: ["Height over ground (m)", "离地高度（米）"], expires: ["Worth nothing after", "有效期"], minutes: ["{0} min", "{0} 分钟"], hours: ["{0} h", "{0} 小时"],
  on_detection: ["When something is seen", "发现目标时"], as_configured: ["as the nest is set", "按机巢设置"], report: ["report", "报告"], investigate: ["look closer", "就近查看"],
  check: ["Check and send", "核对并发送"], request_words: ["This moves an aircraft.", "这将使飞行器起飞。"], emergency_words: ["An emergency calls home a flight of lower priority.", "紧急请求会召回优先级较低的飞行。"],
  needs_target: ["Say where to first.", "请先指定目标。"], no_nest: ["No nest is known yet.", "尚无机巢信息。"], no_route: ["No routes are configured for this nest.", "该机巢未配置航线。"],
  requests: ["Requests", "申请"], none_asked: ["Nobody has asked for a flight yet.", "尚无飞行申请。"], other_flights: ["Flights of the nests", "机巢飞行"],
  sending: ["sending", "发送中"], waiting: ["sent, no answer yet", "已发送，未答复"], failed: ["not delivered", "未送达"], accepted: ["accepted", "已接受"], refused: ["refused", "被拒绝"],
  started: ["flying", "飞行中"], preempted: ["called home for an emergency", "因紧急任务召回"], resumed: ["flying on", "继续飞行"], done: ["ended", "已结束"],
  completed: ["completed", "完成"], cut_short: ["cut short", "提前结束"], cancelled: ["cancelled", "已取消"], unknown: ["not known", "未知"],
  points: ["{0} of {1} points", "{0} / {1} 点"], queue: ["place {0} in the queue", "排队第 {0} 位"], earliest: ["not before {0}", "不早于 {0}"],
  take_back: ["Take back", "撤回"], take_back_words: ["A waiting request ends. A drone that flies it comes home.", "等待中的申请将结束；执行中的无人机将返航。"], taking_back: ["asked to come home by {0}", "{0} 已要求撤回"],
  again: ["Send the same again", "重新发送"], none_past: ["Nothing was written down yet.", "尚无记录。"], older: ["Older", "更早"], back: ["Back", "返回"],
  help_title: ["Keys", "快捷键"], k_move: ["next, previous alert", "下一条、上一条警报"], k_help: ["this list", "本列表"], k_close: ["close", "关闭"],
  role_viewer: ["You may look only.", "仅可查看。"], new_alert: ["New alert: {0}, {1}", "新警报：{0}，{1}"], cannot: ["The server does not answer.", "服务器没有响应。"],
  logged_out: ["Log in again.", "请重新登录。"], alive: ["Open alerts: {0}", "未结警报：{0}"], confidence: ["confidence {0}", "置信度 {0}"], press_sound: ["Press to hear alerts", "点击以启用声音"],
};

let language = localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh" : "en");

export function t(key, ...values) {
  const row = Object.hasOwn(TEXTS, key) ? TEXTS[key] : null;
  const text = row ? row[language === "zh" ? 1 : 0] : String(key);
  return text.replace(/\{(\d)\}/g, (_, n) => String(values[n]));
}

export function locale() {
  return language === "zh" ? "zh-CN" : "en-GB";
}

export function toggleLanguage() {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", language);
  document.documentElement.lang = locale();
}

document.documentElement.lang = locale();

export function clock(text) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return "–";
  const today = new Date().toDateString() === at.toDateString();
  const form = today ? { timeStyle: "medium" } : { dateStyle: "short", timeStyle: "short" };
  return new Intl.DateTimeFormat(locale(), { ...form, hourCycle: "h23" }).format(at);
}

export function age(text, now) {
  const seconds = Math.max(0, (now - new Date(text).getTime()) / 1000);
  const [size, unit] = seconds >= 86400 ? [86400, "day"] : seconds >= 3600 ? [3600, "hour"] : seconds >= 60 ? [60, "minute"] : [1, "second"];
  return new Intl.RelativeTimeFormat(locale(), { numeric: "always", style: "short" }).format(-Math.floor(seconds / size), unit);
}

export function percent(value) {
  return `${Math.round(value * 100)} %`;
}

export function place(position) {
  return `${position.lat.toFixed(5)}, ${position.lon.toFixed(5)}`;
}
