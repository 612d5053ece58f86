//! Who hears what: the events of the functions in `template.yaml`, routed as EventBridge does.

use serde_json::Value;
use watchkeeper_domain::failure::Failure;

use crate::{
    pattern::Pattern,
    schedule::Every,
    template::{Event, Template},
};

/// The bus on which AWS speaks.
pub const DEFAULT: &str = "default";

/// The routes of a template, in its order. Disabled ones are left out.
#[derive(Debug)]
pub struct Bus {
    routes: Vec<Route>,
}

/// What makes a function run.
#[derive(Debug)]
pub struct Route {
    /// The logical id of the function: `HealthResponder`.
    pub function: String,
    /// The name of the event in the function's block: `Sweep`.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
}

/// Where an invocation comes from.
#[derive(Debug)]
pub enum Source {
    /// `EventBridgeRule`: events of the bus that match.
    Rule {
        /// The name of the bus.
        bus: String,
        /// Which events.
        pattern: Pattern,
    },
    /// `Schedule` or `ScheduleV2`.
    Schedule {
        /// How often.
        every: Every,
        /// What the function is given; null when that is left to AWS.
        input: Value,
    },
    /// `SNS`: messages of a topic.
    Topic {
        /// The logical id of the topic, or its ARN.
        topic: String,
        /// The filter policy; null when every message is heard.
        filter: Value,
        /// Whether the filter looks at the body, not at the attributes.
        filters_body: bool,
    },
    /// Something else, by its type in the template. Nothing is routed there.
    Other(String),
}

/// A tick of a schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// The logical id of the function.
    pub function: String,
    /// The name of the event in the function's block.
    pub name: String,
    /// How often.
    pub every: Every,
    /// What the function is given; null when that is left to AWS.
    pub input: Value,
}

impl Bus {
    /// The routes of the SAM template `yaml`.
    ///
    /// # Errors
    /// A failure that names the function and the event, when it cannot be routed here exactly as in AWS.
    pub fn from_template(yaml: &str) -> Result<Self, Failure> {
        let template = Template::parse(yaml)?;
        let mut routes = Vec::new();
        for event in template.events()? {
            if !is_disabled(&event.properties) {
                let source = source(&template, &event)?;
                routes.push(Route { function: event.function, name: event.name, source });
            }
        }
        Ok(Self { routes })
    }

    /// All routes.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The functions that `event` on the bus `bus_name` invokes: as in AWS, once for every rule that matches.
    pub fn functions_for(&self, event: &Value, bus_name: &str) -> Vec<&str> {
        let hears = |route: &&Route| match &route.source {
            Source::Rule { bus, pattern } => bus == bus_name && pattern.matches(event),
            Source::Schedule { .. } | Source::Topic { .. } | Source::Other(_) => false,
        };
        self.routes.iter().filter(hears).map(|route| route.function.as_str()).collect()
    }

    /// All schedules.
    pub fn ticks(&self) -> Vec<Tick> {
        let tick = |route: &Route| match &route.source {
            Source::Schedule { every, input } => Some(Tick {
                function: route.function.clone(),
                name: route.name.clone(),
                every: every.clone(),
                input: input.clone(),
            }),
            Source::Rule { .. } | Source::Topic { .. } | Source::Other(_) => None,
        };
        self.routes.iter().filter_map(tick).collect()
    }
}

fn is_disabled(properties: &Value) -> bool {
    properties["State"] == "DISABLED" || properties["Enabled"] == false
}

fn source(template: &Template, event: &Event) -> Result<Source, Failure> {
    match event.kind.as_str() {
        "EventBridgeRule" | "CloudWatchEvent" => rule(template, event),
        "Schedule" => schedule(event, &event.properties["Schedule"]),
        "ScheduleV2" => schedule(event, &event.properties["ScheduleExpression"]),
        "SNS" => topic(template, event),
        other => Ok(Source::Other(other.to_owned())),
    }
}

fn rule(template: &Template, event: &Event) -> Result<Source, Failure> {
    let properties = &event.properties;
    for name in ["Input", "InputPath", "InputTransformer"] {
        if properties.get(name).is_some() {
            return Err(failure(event, &properties[name], format!("{name} is not known here")));
        }
    }
    let bus = match properties.get("EventBusName") {
        None => DEFAULT.to_owned(),
        Some(bus) => {
            template.bus(bus).ok_or_else(|| failure(event, bus, "the bus is not in the template"))?
        }
    };
    let pattern = &properties["Pattern"];
    let pattern = Pattern::new(pattern).map_err(|refusal| failure(event, pattern, refusal))?;
    Ok(Source::Rule { bus, pattern })
}

fn schedule(event: &Event, expression: &Value) -> Result<Source, Failure> {
    let every = expression.as_str().and_then(Every::parse);
    let every = every.ok_or_else(|| failure(event, expression, "it is no schedule expression"))?;
    let input = match event.properties.get("Input") {
        None => Value::Null,
        Some(input) => {
            let text = input.as_str().ok_or_else(|| failure(event, input, "the input is not a text"))?;
            serde_json::from_str(text).map_err(|error| failure(event, input, error))?
        }
    };
    Ok(Source::Schedule { every, input })
}

fn topic(template: &Template, event: &Event) -> Result<Source, Failure> {
    let properties = &event.properties;
    let topic = template.name(&properties["Topic"]);
    Ok(Source::Topic {
        topic: topic.ok_or_else(|| failure(event, &properties["Topic"], "it is not in the template"))?,
        filter: properties["FilterPolicy"].clone(),
        filters_body: properties["FilterPolicyScope"] == "MessageBody",
    })
}

fn failure(
    event: &Event,
    what: &Value,
    reason: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Failure {
    let Event { function, name, kind, .. } = event;
    Failure::new("route by", format!("{kind} {name} of {function}: {what}"), reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use serde_json::json;

    const TEMPLATE: &str = r#"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Heard: { Type: String, Default: heard }
Conditions:
  Some: !Not [!Equals [!Ref Heard, ""]]
Resources:
  Bus:
    Type: AWS::Events::EventBus
    Properties: { Name: watchkeeper }
  Zebra:
    Type: AWS::Serverless::Function
    Properties:
      Role: !GetAtt Role.Arn
      Environment: { Variables: { TABLE: !If [Some, !Sub "${Table}-x", !Ref AWS::NoValue] } }
      Events:
        Health:
          Type: EventBridgeRule
          Properties:
            Pattern:
              source: [aws.health, watchkeeper.drill]
              detail: { statusCode: [{ anything-but: closed }] }
            DeadLetterConfig: { Arn: !GetAtt Letters.Arn }
        Sweep:
          Type: ScheduleV2
          Properties: { ScheduleExpression: rate(5 minutes), Input: '{"tick":"sweep"}' }
        Off:
          Type: EventBridgeRule
          Properties: { State: DISABLED, Pattern: { source: [aws.health] } }
  Aardvark:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Cases:
          Type: EventBridgeRule
          Properties: { EventBusName: !Ref Bus, Pattern: { detail-type: [Case Opened] } }
        Everything:
          Type: EventBridgeRule
          Properties: { Pattern: { source: [{ prefix: aws. }] } }
        Nightly:
          Type: Schedule
          Properties: { Schedule: "cron(0 3 * * ? *)" }
        Notices:
          Type: SNS
          Properties: { Topic: !Ref Bus, FilterPolicy: { severity: [critical] } }
"#;

    #[test]
    fn an_event_reaches_the_functions_whose_rules_match_in_the_order_of_the_template() {
        let bus = Bus::from_template(TEMPLATE).unwrap();
        let open = json!({ "source": "aws.health", "detail": { "statusCode": "open" } });
        assert_eq!(bus.functions_for(&open, DEFAULT), ["Zebra", "Aardvark"]);
        assert_eq!(bus.functions_for(&open, "watchkeeper"), [""; 0]);
        let closed = json!({ "source": "aws.health", "detail": { "statusCode": "closed" } });
        assert_eq!(bus.functions_for(&closed, DEFAULT), ["Aardvark"]);
        let case = json!({ "source": "watchkeeper", "detail-type": "Case Opened" });
        assert_eq!(bus.functions_for(&case, "watchkeeper"), ["Aardvark"]);
        assert_eq!(bus.functions_for(&case, DEFAULT), [""; 0]);
    }

    #[test]
    fn schedules_are_ticks_with_their_input() {
        let tick = |function: &str, name: &str, every, input| Tick {
            function: function.into(),
            name: name.into(),
            every,
            input,
        };
        let five_minutes = Every::Rate(SignedDuration::from_mins(5));
        let nightly = Every::Text("cron(0 3 * * ? *)".into());
        assert_eq!(
            Bus::from_template(TEMPLATE).unwrap().ticks(),
            [
                tick("Zebra", "Sweep", five_minutes, json!({ "tick": "sweep" })),
                tick("Aardvark", "Nightly", nightly, Value::Null),
            ]
        );
    }

    #[test]
    fn what_cannot_be_routed_as_in_aws_is_an_error_that_names_function_rule_and_pattern() {
        let told = |old: &str, new: &str| {
            assert!(TEMPLATE.contains(old));
            Bus::from_template(&TEMPLATE.replace(old, new)).unwrap_err().chain()
        };
        assert_eq!(
            told("{ anything-but: closed }", "{ anything-but: { prefix: cl } }"),
            "could not route by EventBridgeRule Health of Zebra: \
             {\"detail\":{\"statusCode\":[{\"anything-but\":{\"prefix\":\"cl\"}}]},\
             \"source\":[\"aws.health\",\"watchkeeper.drill\"]}: \
             invalid pattern: anything-but value must be a string, number, or array"
        );
        assert_eq!(
            told("{ detail-type: [Case Opened] }", "{ account: [!Ref AWS::AccountId] }"),
            "could not route by EventBridgeRule Cases of Aardvark: {\"account\":[{\"Ref\":\"AWS::AccountId\"}]}: \
             at `account`: it is only known when it is deployed"
        );
        for (old, new) in [
            ("EventBusName: !Ref Bus", "EventBusName: !Ref Elsewhere"),
            ("EventBusName: !Ref Bus", "InputPath: $.detail"),
            ("{ Pattern: { source: [{ prefix: aws. }] } }", "{}"),
            ("rate(5 minutes)", "rate(5 moons)"),
            (r#"'{"tick":"sweep"}'"#, "sweep"),
        ] {
            assert!(told(old, new).contains(" of "), "{new}");
        }
        assert!(Bus::from_template("Resources: []").is_err());
    }

    #[test]
    fn the_template_of_this_repository_is_routed() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
        let Ok(yaml) = std::fs::read_to_string(path) else { return };
        let bus = Bus::from_template(&yaml).map_err(|failure| failure.chain()).unwrap();
        let event = json!({ "source": "aws.health", "detail-type": "AWS Health Event", "detail": {} });
        assert!(bus.functions_for(&event, DEFAULT).contains(&"HealthResponder"));
        assert!(bus.ticks().iter().any(|tick| tick.function == "HealthResponder"));
    }
}
