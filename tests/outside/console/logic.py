"""The page's pure modules, asked in the browser itself."""

import json


async def ask(world, script):
    await world.serve()
    page = await world.page(live=False)
    return json.loads(await page.value(f"(async () => JSON.stringify(await (async () => {{ {script} }})()))()"))


async def test_urgency_is_risk_times_time_unacknowledged(world):
    places = await ask(world, """
        const { urgency, byUrgency, standings } = await import('/order.js');
        const now = Date.parse('2026-11-22T12:10:00Z');
        const call = (call_id, risk, level = null) => ({ call_id, risk, level, sentiment: -0.1 });
        const alert = (call_id, at, more = {}) => ({ alert_id: 'al-' + call_id, call_id, level: 'warning', state: 'raised', raised_at: at, ...more });
        const standing = standings([
            alert('waits', '2026-11-22T12:08:00Z'),
            alert('taken', '2026-11-22T12:00:00Z', { state: 'acknowledged', owner: 'sup-2' }),
            alert('held', '2026-11-22T12:00:00Z', { held: true }),
            alert('unscored', '2026-11-22T12:09:00Z', { level: 'critical' }),
        ]);
        const calls = [call('calm', 0.1), call('taken', 0.9), call('waits', 0.4), call('held', 0.6), { call_id: 'unscored', risk: null }];
        return [
            urgency(calls[2], standing.get('waits'), null, now),
            urgency(calls[1], standing.get('taken'), null, now),
            byUrgency(calls, standing, null, now).map((c) => c.call_id),
        ];
    """)
    assert abs(places[0] - 0.4 * 3) < 1e-9, places
    assert abs(places[1] - 0.9) < 1e-9, "nobody waits for a call that is taken"
    assert places[2] == ["unscored", "waits", "taken", "held", "calm"], places


async def test_highlights_count_code_points_and_overlap(world):
    found = await ask(world, """
        const { pieces } = await import('/highlight.js');
        const whole = pieces('😀 I called three times', [{ start: 4, end: 22, why: 'long' }, { start: 11, end: 16, why: 'short' }]);
        const wrong = pieces('abc', [{ start: 2, end: 99, why: 'x' }, { start: -5, end: 1, why: 'y' }, { start: 3, end: 1 }, null, { start: 'a' }]);
        const short = (list) => list.map((p) => [p.text, p.highlights.map((h) => h.why)]);
        return [short(whole), short(wrong), pieces('', []).length];
    """)
    assert found[0] == [["😀 I ", []], ["called ", ["long"]], ["three", ["short", "long"]], [" times", ["long"]]], found[0]
    assert found[1] == [["a", ["y"]], ["b", []], ["c", ["x"]]], found[1]
    assert found[2] == 0


async def test_turning_points_are_the_turns_that_moved_the_risk_most(world):
    turns = await ask(world, """
        const { turningPoints } = await import('/turning.js');
        const said = (seq, speaker, risk, more = {}) => ({ seq, speaker, risk, end_ms: seq * 1000, text: 'one two three four five six seven', ...more });
        return turningPoints([
            said(1, 'agent', 0.05), said(2, 'customer', 0.08), said(3, 'customer', 0.30, { acts: [{ act: 'frus', label: 'is frustrated', probability: 0.6 }, { act: 'prob', label: 'states the problem', probability: 0.4 }] }),
            said(4, 'agent', 0.55, { highlights: [{ start: 0, end: 3, why: 'trigger:policy' }] }), said(5, 'customer', 0.56), said(6, 'agent', 0.30),
        ]);
    """)
    assert [(t["seq"], t["name"]) for t in turns] == [
        (2, "customer is frustrated"), (4, "agent: policy"), (6, "agent: “one two three four five six …”")
    ], turns
    assert abs(turns[0]["from"] - 0.05) < 1e-9 and turns[0]["to"] == 0.30, "a turn of two chunks is one"


async def test_a_listen_link_is_http_or_nothing(world):
    links = await ask(world, """
        const { filled } = await import('/listen.js');
        const call = { call_id: 'c/1?x', agent_id: 'a 7' };
        return ['https://pbx.example/listen/{call_id}?by={agent_id}', 'javascript:alert({call_id})', 'data:text/html,{call_id}', '/listen/{call_id}', ' https://x.example/{queue}']
            .map((template) => filled(template, call));
    """)
    assert links == ["https://pbx.example/listen/c%2F1%3Fx?by=a%207", None, None, None, "https://x.example/"], links


async def test_who_is_told_of_what(world):
    told = await ask(world, """
        const { isNews, isWanted } = await import('/alarm.js');
        const { prefs } = await import('/prefs.js');
        const raised = { state: 'raised', level: 'warning', queue: 'billing', held: false, owner: null };
        const critical = { ...raised, level: 'critical' };
        const news = [[raised, undefined], [{ ...raised, held: true }, undefined], [raised, raised], [critical, raised], [raised, { ...raised, held: true }],
            [raised, { ...raised, state: 'snoozed' }], [{ ...raised, state: 'acknowledged' }, raised], [{ ...raised, state: 'resolved' }, raised]].map(([a, b]) => Boolean(isNews(a, b)));
        prefs.set({ levels: ['critical'], queues: [], whose: 'any' });
        const wanted = [isWanted(raised, 'me'), isWanted(critical, 'me')];
        prefs.set({ queues: ['service'] });
        wanted.push(isWanted(critical, 'me'));
        prefs.set({ queues: [], whose: 'free' });
        wanted.push(isWanted(critical, 'me'), isWanted({ ...critical, owner: 'me' }, 'me'), isWanted({ ...critical, owner: 'other' }, 'me'));
        prefs.set({ whose: 'mine' });
        wanted.push(isWanted(critical, 'me'), isWanted({ ...critical, owner: 'me' }, 'me'));
        return [news, wanted];
    """)
    assert told[0] == [True, False, False, True, True, True, False, False], told[0]
    assert told[1] == [False, True, False, True, True, False, False, True], told[1]
