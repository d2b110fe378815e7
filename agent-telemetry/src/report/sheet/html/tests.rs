//! Pages with every part there is: well-formed, bounded, and without markup from names.

use std::time::Duration;

use agent_primitives::Timestamp;
use roxmltree::{Document, Node, ParsingOptions};

use super::page;
use crate::Period;
use crate::report::sheet::{Bar, Chart, Flow, Scale, Series, Sheet};
use crate::stats::layout::Table;

const HOSTILE: &str = "<script>alert(1)</script>\"'&amp;]]>--><!--\u{0}\u{202e}\u{ffff}";
const DAY: Duration = Duration::from_secs(86_400);

fn day(number: u32) -> Timestamp {
    Timestamp::from_unix_seconds(1_793_491_200) + number * DAY
}

fn series(label: &str, days: u32, slope: f64) -> Series {
    let value = |it: u32| (f64::from(it) * slope).sin().mul_add(0.4, 0.6) + f64::from(it) / 40.0;
    Series {
        label: label.to_owned(),
        points: (0..days).map(|it| (day(it), value(it))).collect(),
        band: Some(
            (0..days)
                .map(|it| (value(it) * 0.8, value(it) * 1.2))
                .collect(),
        ),
    }
}

/// Every kind of part, with `name` wherever somebody else names something.
fn everything(name: &str, number: u32) -> Sheet {
    let mut sheet = Sheet::new("Everything", Period::last_7_days(day(30)));
    sheet.tile("success rate", "78.3 %", name);
    sheet.note(name);
    let figures = sheet.section("Figures");
    figures.fact("sessions", name);
    figures.split("success", 7, 10);
    figures.split(name, 3, 10);
    let mut table = Table::new(1, ["agent", "task", "calls", "cost"]);
    for at in 0..number {
        table.row([
            name.to_owned(),
            "bug_fix".to_owned(),
            at.to_string(),
            "$0.0312".to_owned(),
        ]);
    }
    figures.table(table);
    figures.table(Table::new(0, ["never shown"]));
    let charts = sheet.section("Charts");
    let bars = |scale, low: f64| Chart::Bars {
        title: format!("Bars of {scale:?}"),
        scale,
        bars: (0..number)
            .map(|at| {
                let value = f64::from(at + 2).recip() + low;
                let bar = Bar::new(name.to_owned(), value).with_note(name.to_owned());
                Bar {
                    interval: Some((value - 0.07, value + 0.09)),
                    ..bar
                }
            })
            .collect(),
    };
    charts.chart(bars(Scale::Share, 0.2));
    charts.chart(bars(Scale::Share, -0.2));
    let lines = vec![
        series(name, number, 0.3),
        series("haiku", number, 0.7),
        series("house", number, 1.1),
    ];
    charts.chart(Chart::Lines {
        title: "Cost by day and its forecast".to_owned(),
        scale: Scale::Usd,
        series: lines,
    });
    charts.chart(Chart::Stacked {
        title: "Tokens by day".to_owned(),
        scale: Scale::Tokens,
        series: (0..12)
            .map(|at| {
                let mut line = series(name, number, 0.2 + f64::from(at) / 10.0);
                for (_, value) in &mut line.points {
                    *value *= 12_345.0;
                }
                line
            })
            .collect(),
    });
    let path = |from: &str, to: &str, count| Flow {
        from: from.to_owned(),
        to: to.to_owned(),
        count,
        note: name.to_owned(),
    };
    charts.chart(Chart::Flow {
        title: "Who handed over to whom".to_owned(),
        paths: vec![
            path("planner", "coder", 61),
            path("coder", "reviewer", 44),
            path("coder", name, 9),
            path("reviewer", "coder", 17),
            path(name, "reviewer", 3),
        ],
    });
    charts.chart(Chart::Flow {
        title: "never shown".to_owned(),
        paths: Vec::new(),
    });
    sheet.section("never shown");
    sheet
}

fn parsed(text: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options).unwrap()
}

fn named<'d>(page: &'d Document<'d>, name: &'static str) -> impl Iterator<Item = Node<'d, 'd>> {
    page.descendants().filter(move |it| it.has_tag_name(name))
}

#[test]
fn page_is_well_formed_and_has_every_part_that_holds_something() {
    let text = everything("claude-sonnet-4-5", 30).html();
    let page = parsed(&text);
    assert!(!text.contains("never shown"));
    let count = |name| named(&page, name).count();
    // Two tables of bars and one of parts, one table, and those below the stack and the flow.
    assert_eq!(
        (count("figure"), count("table"), count("details")),
        (5, 6, 2)
    );
    assert_eq!((count("h1"), count("h2"), count("h3")), (1, 0, 2));
    let titles: Vec<_> = named(&page, "figcaption")
        .filter_map(|it| it.text())
        .collect();
    assert_eq!(
        titles[2..4],
        ["Cost by day and its forecast", "Tokens by day"]
    );
    // 24 bars in each of two charts, two parts, and three pictures.
    assert_eq!(count("svg"), 2 * 24 + 2 + 3);
}

#[test]
fn what_is_not_shown_is_counted() {
    let text = everything("a", 1_000).html();
    let page = parsed(&text);
    let said: Vec<_> = named(&page, "p")
        .filter(|it| it.attribute("class") == Some("more"))
        .filter_map(|it| it.text())
        .collect();
    assert_eq!(
        said,
        [
            "… and 800 more",
            "… and 976 more",
            "… and 976 more",
            "drawn from one point of 3",
            "… and 4 more",
            "880 days before are not shown",
        ]
    );
    assert_eq!(
        named(&page, "tr")
            .filter(|it| it
                .parent_element()
                .is_some_and(|it| it.has_tag_name("tbody")))
            .count(),
        200 + 2 * 24 + 2 + 120 + 5
    );
}

#[test]
fn name_is_never_markup() {
    let text = everything(HOSTILE, 3).html();
    let page = parsed(&text);
    for element in ["script", "img", "link", "iframe"] {
        assert_eq!(named(&page, element).count(), 0);
    }
    assert!(!text.contains("<script") && !text.contains("<!--"));
    assert!(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;amp;]]&gt;"));
    assert!(
        page.descendants()
            .all(|it| it.attributes().all(|it| !it.name().starts_with("on")))
    );
}

#[test]
fn page_asks_for_nothing_from_elsewhere() {
    let text = everything("a", 3).html();
    for word in ["http:", "https:", "url(", "@import", "src="] {
        assert!(!text.contains(word), "{word}");
    }
    let page = parsed(&text);
    let ids: Vec<_> = page
        .descendants()
        .filter_map(|it| it.attribute("id"))
        .collect();
    let goals: Vec<_> = named(&page, "a")
        .filter_map(|it| it.attribute("href"))
        .collect();
    assert_eq!(goals, ["#r1-1", "#r1-2"]);
    assert!(
        goals
            .iter()
            .all(|it| ids.contains(&it.trim_start_matches('#'))),
        "{ids:?}"
    );
}

#[test]
fn column_of_a_day_has_no_border_that_widens_it() {
    // The classes of the colours have one, which a rule for all rectangles would not take away.
    let page = page("Style", None, &[]);
    assert!(page.contains(".c1 { fill: var(--c1); stroke: var(--c1); }"));
    assert!(page.contains("\n.plot rect { stroke: none; }"));
}

#[test]
fn headers_say_what_they_are_headers_of_and_pictures_what_they_show() {
    let text = everything("a", 3).html();
    let page = parsed(&text);
    assert!(named(&page, "th").all(|it| matches!(it.attribute("scope"), Some("col" | "row"))));
    for picture in named(&page, "svg") {
        let is_hidden = picture.attribute("aria-hidden") == Some("true");
        let title = picture.children().find(|it| it.has_tag_name("title"));
        let told = picture.children().find(|it| it.has_tag_name("desc"));
        assert!(is_hidden || title.is_some() && told.is_some_and(|it| it.text().is_some()));
    }
}

#[test]
fn figures_of_any_kind_are_drawn_within_the_frame() {
    let odd = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        -0.0,
        5e-324,
        1e300,
    ];
    let mut sheet = Sheet::undated("Odd");
    let section = sheet.section("Odd");
    for scale in [
        Scale::Count,
        Scale::Share,
        Scale::Usd,
        Scale::Time,
        Scale::Tokens,
    ] {
        let bars = odd.map(|value| Bar {
            interval: Some((value, f64::NAN)),
            ..Bar::new("a".to_owned(), value)
        });
        section.chart(Chart::Bars {
            title: "a".to_owned(),
            scale,
            bars: bars.into(),
        });
        let ends = [i64::MIN, 0, i64::MAX].map(Timestamp::from_unix_nanos);
        let line = || Series {
            label: "a".to_owned(),
            points: ends
                .iter()
                .flat_map(|at| odd.map(|value| (*at, value)))
                .collect(),
            band: Some(vec![(f64::NAN, f64::INFINITY); 30]),
        };
        section.chart(Chart::Lines {
            title: "a".to_owned(),
            scale,
            series: vec![line()],
        });
        section.chart(Chart::Stacked {
            title: "a".to_owned(),
            scale,
            series: vec![line(), line()],
        });
    }
    section.chart(Chart::Flow {
        title: "a".to_owned(),
        paths: vec![
            Flow {
                from: "a".to_owned(),
                to: "a".to_owned(),
                count: u64::MAX,
                note: String::new(),
            },
            Flow {
                from: "a".to_owned(),
                to: "b".to_owned(),
                count: 0,
                note: String::new(),
            },
        ],
    });
    let text = sheet.html();
    let page = parsed(&text);
    for shape in page.descendants() {
        for name in ["d", "x", "y", "width", "height", "style"] {
            let Some(value) = shape.attribute(name) else {
                continue;
            };
            assert!(!value.contains("NaN") && !value.contains("inf"), "{value}");
            let numbers = value.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'));
            for number in numbers.filter_map(|it| it.parse::<f64>().ok()) {
                assert!((-0.01..=100.01).contains(&number), "{value}");
            }
        }
    }
}

#[test]
fn several_reports_have_their_own_headings_and_one_list_of_contents() {
    let sheets = [everything("a", 2), everything("b", 2)];
    let text = page("Week", Some(day(30)), &sheets);
    let page = parsed(&text);
    let headings: Vec<_> = named(&page, "h2").filter_map(|it| it.text()).collect();
    assert_eq!(headings, ["Everything", "Everything"]);
    let goals: Vec<_> = named(&page, "a")
        .filter_map(|it| it.attribute("href"))
        .collect();
    assert_eq!(goals, ["#r1", "#r2"]);
    assert!(text.contains("2026-12-01 00:00 UTC</time>"), "{text}");
}
